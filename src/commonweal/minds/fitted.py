"""Minds estimated from recorded decisions: how often each act was chosen, by what was seen.

A table of counts over binned facts, smoothed toward ever coarser tables (hierarchical Dirichlet;
MacKay and Peto 1995, Natural Language Engineering 1:289), and judged on matches it never saw: log
loss in nats per decision, beside that of the base rate. Surrogates of this kind bring back the
collective bias of language models: Ashery, Aiello, Baronchelli 2025, Science Advances 11 eadu9368.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Float

from .._measure import Estimate, estimate
from .._mind import Mind, Odds
from .._param import count, param, text

ENOUGH = 20  # matches, below which no statement is made


@dataclass(frozen=True)
class Feature:
    """A fact cut into bins: the code is the number of `edges` below it.

    A scenario shows the fact in its sight; a table of recordings has a column of the same name.
    """

    fact: str
    edges: tuple[float, ...] = (0.5,)

    @property
    def size(self) -> int:
        return len(self.edges) + 1


class Fitted(Mind):
    """Chooses as the recorded player did: `table[i]` are the odds where the features have code i.

    It answers to nothing but its features: where pay is changed by rules that the recorded player
    never met, it goes on as before. Source: the module's.
    """

    table: Float[Array, "codes options"] = param(within="[0, 1]")
    features: tuple[Feature, ...] = count()
    channel: str = text("act")

    def prepare(self, scenario, seat, key):
        channel = scenario.channels().get(self.channel)
        options = getattr(channel, "options", ())
        if len(options) != self.table.shape[1]:
            raise ValueError(
                f"Fitted chooses among {self.table.shape[1]} acts on channel {self.channel!r}, which here "
                f"has {len(options)} ({', '.join(options)}); wanted as many: fit(..., acts={options!r})"
            )
        return self

    def act(self, memory, sight, channels, key):
        code = jnp.int32(0)
        for one in self.features:
            fact = jnp.asarray(sight[one.fact]).astype(jnp.float32)
            code = code * one.size + (fact > jnp.array(one.edges, jnp.float32)).sum(dtype=jnp.int32)
        return memory, {self.channel: Odds(self.table[code])}


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted mind and how well it predicts matches it never saw.

    `loss`, `base` and `gain` (base - loss) are nats per decision, matches weighing alike; `base`
    knows only how often each act was chosen.
    """

    mind: Fitted
    loss: Estimate
    base: Estimate
    gain: Estimate
    decisions: int
    matches: int

    @property
    def verdict(self) -> str:
        """What may be said: below the base rate, not below it, or too few data to say."""
        if self.matches < ENOUGH:
            return f"too few data ({self.matches} matches, wanted {ENOUGH})"
        if self.base.value < 1e-2:
            return "one act nearly always: nothing to predict"
        return "below base rate" if self.gain.low > 0.0 else "not below base rate"

    def __str__(self) -> str:
        bits = [f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in (self.loss, self.base)]
        return f"{bits[0]} nats a decision, base rate {bits[1]}: {self.verdict}"


def fit(
    frame: pl.DataFrame,
    features: Sequence[Feature],
    *,
    acts: Sequence[str],
    channel: str = "act",
    match: str = "world",
    strength: float = 1.0,
    folds: int = 10,
) -> Fit:
    """A mind that chooses as the frame's decisions were made, with its held-out loss.

    **Main arguments**

    - `frame`: one row per decision, with the columns `action`, `match` and each feature's fact.
    - `features`: coarse first; smoothing backs off from the last to the first.
    - `acts`: the recorded names of the acts, in the order of the channel's options; "" stands for
      an option that nobody chooses, such as silence, and gets no odds.

    **Other arguments**

    - `channel`: where the mind acts.
    - `match`: the column that names independent matches; no match is in two folds.
    - `strength`: how many decisions the coarser table is worth.
    - `folds`: of the cross-validation; at most the number of matches.

    **Raises**

    - ValueError: no rows, a missing column, an unknown act.
    """
    _check(frame, [f.fact for f in features], acts, match)
    act = np.searchsorted(sorted(acts), frame["action"].to_numpy())
    act = np.argsort(acts)[act]
    sizes = [f.size for f in features]
    codes = [np.digitize(frame[f.fact].to_numpy(), f.edges, right=True) for f in features]
    code = np.ravel_multi_index(codes, sizes) if codes else np.zeros(len(act), int)
    names, which = np.unique(frame[match].to_numpy(), return_inverse=True)
    folds = max(1, min(folds, len(names)))
    fold = np.random.default_rng(0).permutation(len(names))[which] % folds
    counts = np.zeros((folds, int(np.prod(sizes)), len(acts)))
    np.add.at(counts, (fold, code, act), 1.0)
    whole = counts.sum(axis=0)
    rest = [whole - held if folds > 1 else np.zeros_like(whole) for held in counts]
    prior = np.array([name != "" for name in acts]) * strength
    fine = np.stack([smooth(c.reshape(*sizes, -1), prior) for c in rest])
    coarse = np.stack([smooth(c.sum(axis=0), prior) for c in rest])
    seen = np.bincount(which)
    loss = np.bincount(which, -np.log(fine[fold, code, act])) / seen
    base = np.bincount(which, -np.log(coarse[fold, 0, act])) / seen
    mind = Fitted(smooth(whole.reshape(*sizes, -1), prior), tuple(features), channel)
    loss, base, gain = (estimate(x) for x in (loss, base, base - loss))
    return Fit(mind, loss, base, gain, len(act), len(names))


def smooth(counts: Float[np.ndarray, "*sizes options"], prior: Float[np.ndarray, " options"]):
    """Float[codes, options]: each cell's counts plus a few decisions spread as in the next coarser cells.

    How many is the largest entry of `prior`; the coarsest spread is `prior` itself.
    """
    levels, strength = counts.ndim - 1, prior.max()
    odds = prior / prior.sum()
    for level in range(levels + 1):
        here = counts.sum(axis=tuple(range(level, levels)))
        odds = odds[..., None, :] if level else odds
        odds = (here + strength * odds) / (here.sum(axis=-1, keepdims=True) + strength)
    return odds.reshape(-1, len(prior))


def fit_each(
    frame: pl.DataFrame, by: Sequence[str], features: Sequence[Feature], **how: Any
) -> dict[tuple, Fit]:
    """One fit for each value of the columns `by`, such as model and game; `how` is `fit`'s."""
    parts = frame.partition_by(*by, as_dict=True, maintain_order=True)
    return {key: fit(part, features, **how) for key, part in sorted(parts.items())}


def losses(fits: dict[tuple, Fit], by: Sequence[str]) -> pl.DataFrame:
    """The held-out losses as a table, in nats per decision, one row a fit."""
    rows = []
    for key, one in fits.items():
        row = dict(zip(by, key, strict=True)) | {"decisions": one.decisions, "matches": one.matches}
        for name in ("loss", "base", "gain"):
            e = getattr(one, name)
            row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
        rows.append(row | {"verdict": one.verdict})
    return pl.DataFrame(rows)


def lagged(frame: pl.DataFrame, acts: Sequence[str]) -> pl.DataFrame:
    """The frame with the facts `started`, `did` and `share` that repeated games show.

    From the columns world, round, seat and action: whether there was a round before, how
    cooperatively the same seat acted in it and how the others of the world did on average (1 for
    the first act in `acts`, down to 0 for the last). Zero where there was none. In a reputation
    design, where strangers meet each round, these are not what a player saw.
    """
    degree = {name: 1.0 - i / max(len(acts) - 1, 1) for i, name in enumerate(acts)}
    now = pl.col("action").replace_strict(degree, default=None, return_dtype=pl.Float64)
    together = ["world", "round"]
    frame = frame.with_columns(did=now).with_columns(
        share=(pl.col("did").sum().over(together) - pl.col("did")) / (pl.len().over(together) - 1)
    )
    before = pl.col("did", "share").shift(1).over("world", "seat", order_by="round")
    frame = frame.with_columns(before)
    started = pl.col("did").is_not_null().cast(pl.Float64)
    return frame.with_columns(pl.col("did", "share").fill_nan(0.0).fill_null(0.0), started=started)


def _check(frame: pl.DataFrame, facts: Sequence[str], acts: Sequence[str], match: str) -> None:
    """Raise ValueError when the frame cannot be fitted."""
    lost = [name for name in ("action", match, *facts) if name not in frame.columns]
    if lost or frame.is_empty():
        raise ValueError(
            f"the frame has {frame.height} rows and the columns {', '.join(frame.columns)}; wanted rows, and "
            f"also {', '.join(lost) or 'the same columns'}: lagged(frame, acts) adds started, did and share"
        )
    unknown = sorted(set(frame["action"].unique()) - set(acts))
    if unknown:
        raise ValueError(
            f"the frame has the acts {unknown}, which are not among acts={list(acts)}; wanted all of them: "
            f"fit(..., acts={sorted(set(frame['action'].unique()))})"
        )
