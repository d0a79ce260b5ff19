"""What speakers cost: of each world of a trace, and of a condition in words."""

import math

import numpy as np
import polars as pl

from .._trace import Trace

SPEECH = ("calls", "tokens", "dollars", "refused")  # columns speech:NAME of worlds with speakers


def spoken(trace: Trace) -> dict[str, np.ndarray]:
    """What speakers cost in each world, Float[W] each: calls, tokens, dollars, and decisions refused.

    `uncounted` are the calls of which the provider did not tell the tokens.
    """
    if trace.refused is None:
        return {}
    known = pl.when(pl.col("cost").is_null().any()).then(None).otherwise(pl.col("cost").sum())
    told = pl.col("read") + pl.col("written")
    sums = trace.replies.group_by("seed").agg(
        calls=pl.len(), tokens=told.sum(), dollars=known.first(), uncounted=told.null_count()
    )
    worlds = pl.DataFrame({"seed": trace.seeds}).join(sums, on="seed", how="left", maintain_order="left")
    found = {
        f"speech:{name}": worlds[name]
        .fill_null(0 if name != "dollars" else math.nan)
        .to_numpy()
        .astype(float)
        for name in sums.columns[1:]
    }
    return found | {"speech:refused": np.where(trace.valid, trace.refused.sum(axis=(1, 2)), 0.0)}


def in_words(rows: pl.DataFrame) -> str:
    """What asking the speakers of these worlds cost, and what they refused; "" where nobody speaks."""
    sums = [rows[f"speech:{what}"].sum() for what in SPEECH if f"speech:{what}" in rows.columns]
    if not sums or None in sums:
        return ""
    calls, tokens, dollars, refused = map(float, sums)
    price = "price unknown" if np.isnan(dollars) else f"${dollars:,.2f}"
    lost = f"; {refused:,.0f} decisions refused in valid worlds" if refused else ""
    untold = rows["speech:uncounted"].sum() if "speech:uncounted" in rows.columns else 0
    blind = f"; {untold:,.0f} calls without a count of tokens" if untold else ""
    return f"{calls:,.0f} calls, {tokens:,.0f} tokens, {price}{blind}{lost}"
