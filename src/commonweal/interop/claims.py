"""Claims against what was meant and what was taken: lies told, lies caught, trust, and by power.

`honest` is the sender's own word on a message, `believed` its receiver's; `ahead` is the sender's power less
the receiver's. Source: Peskov et al. 2020, It takes two to lie, ACL 2020.
"""

from collections.abc import Iterator

import polars as pl

from .._measure import Estimate
from .section import Line, Section, beyond, ratio

LIE, CAUGHT = ~pl.col("honest"), ~pl.col("believed")
BOTH = pl.col("honest").is_not_null() & pl.col("believed").is_not_null()
SHARES = {  # name: (what is counted, among what, said where there is none); several are subtracted
    "lies told": [(LIE, pl.col("honest").is_not_null(), "no message is labelled as truth or lie (honest)")],
    "trust: share believed": [
        (pl.col("believed"), pl.col("believed").is_not_null(), "no message says whether it was believed")
    ],
    "lies caught": [(LIE & CAUGHT, LIE & BOTH, "no lie says whether it was believed")],
    "truths doubted": [
        (pl.col("honest") & CAUGHT, pl.col("honest") & BOTH, "no truth says whether it was believed")
    ],
    "lies among the doubted": [(LIE & CAUGHT, CAUGHT & BOTH, "nothing was doubted")],
}
SHARES["caught less doubted"] = [*SHARES["lies caught"], *SHARES["truths doubted"]]
POWER = {
    "sender behind": pl.col("ahead") < 0,
    "even": pl.col("ahead") == 0,
    "sender ahead": pl.col("ahead") > 0,
}
GAP = "ahead less behind"
MOST = 30  # speakers with lines of their own


def claims(messages: pl.DataFrame) -> Iterator[Section]:
    """Lies and trust over all messages, by power and by speaker; also with groups as the unit."""
    title = "claims: were lies told, and caught?"
    if messages["honest"].is_null().all() and messages["believed"].is_null().all():
        yield Section(title, why="no message says whether it was meant (honest) or believed")
        return
    yield Section(title, tuple(_lines(messages, "conversation")))
    if messages["group"].n_unique() > 1 and not messages["group"].has_nulls():
        lines = tuple(_lines(messages, "group", ("all", GAP)))
        yield Section("the same, by group: conversations of a group may be alike", lines, "group")
    more = beyond(messages["speaker"].n_unique(), MOST, "speakers")
    yield Section("claims by speaker", tuple(_by_speaker(messages)), notes=more)


def _lines(messages: pl.DataFrame, unit: str, only: tuple[str, ...] = ()) -> Iterator[Line]:
    """One line a share: over all messages, and by who has more power, where that is known."""
    power = POWER if not messages["ahead"].is_null().all() else {}
    for name, parts in SHARES.items():
        found = {"all": _share(messages, parts, unit)}
        found |= {who: _share(messages, parts, unit, [rows]) for who, rows in power.items()}
        if power:
            found[GAP] = _share(messages, parts, unit, [POWER["sender ahead"], POWER["sender behind"]])
        hits, of, _ = parts[0]
        count = messages.select(a=(hits & of).sum(), b=of.sum()).row(0)
        about = f"{count[0]:,} of {count[1]:,}" if len(parts) == 1 else ""
        yield Line(name, {k: e for k, e in found.items() if k in (only or found)}, about)


def _by_speaker(messages: pl.DataFrame) -> Iterator[Line]:
    """What each speaker said, and how it was taken."""
    names = messages["speaker"].value_counts(sort=True).sort("count", "speaker", descending=[True, False])
    for name in names["speaker"].head(MOST):
        rows = [pl.col("speaker") == name]
        yield Line(name, {k: _share(messages, SHARES[k], "conversation", rows) for k in list(SHARES)[:3]})


def _share(
    messages: pl.DataFrame, parts: list[tuple], unit: str, rows: list[pl.Expr] | None = None
) -> Estimate:
    """First part less the second, in the first rows less in the second: a ratio of sums over units."""
    terms = [
        (
            (hits & of & here).fill_null(False).sum(),
            (of & here).fill_null(False).sum(),
            1.0 - 2.0 * ((i + j) % 2),
        )
        for i, (hits, of, _) in enumerate(parts)
        for j, here in enumerate(rows or [pl.lit(True)])
    ]
    wanted = {f"{k}{i}": x for i, term in enumerate(terms) for k, x in zip("ab", term[:2], strict=True)}
    sums = messages.group_by(unit, maintain_order=True).agg(**wanted).drop(unit).to_numpy().astype(float)
    units = sums[(sums[:, 1::2] > 0).any(axis=1)] if sums[:, 1::2].any() else sums
    return ratio(units[:, ::2], units[:, 1::2], parts[-1][2], [term[2] for term in terms])
