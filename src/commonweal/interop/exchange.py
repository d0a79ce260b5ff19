"""Who talks, to whom, who moves whom, who gives in: what the order of messages and their stances show."""

from collections import Counter

import numpy as np
import polars as pl

from .._formulas import gini
from .._measure import Estimate, estimate, not_available
from ..measures.influence import transfer
from .section import FEW, Line, Section, beyond, ratio

MOST = 30  # speakers, or pairs, with lines of their own
ADDRESSED = 0.9  # share of messages that must name a receiver before receivers are counted
SHUFFLES = 20
PARTIES = 8  # speakers of a conversation whose influence is looked at
LOOKED = 300  # conversations looked at for influence
WORK = 600_000  # pairs' messages after which no more conversations are: some 5 s
EACH = 150  # messages that a pair costs besides its own
LEAST, LONGEST = 12, 2000  # messages that it takes, and that are read, of each
MEANS = {"words": "words a message", "tokens_out": "tokens a message", "seconds": "seconds a message"}


def speakers(messages: pl.DataFrame) -> list[str]:
    """Who speaks, most messages first."""
    found = messages["speaker"].value_counts().sort("count", "speaker", descending=[True, False])
    return found["speaker"].to_list()


def talking(messages: pl.DataFrame) -> Section:
    """Each speaker's share of messages, what one of theirs is like, and how unequal the shares are."""
    rows = messages.with_columns(words=pl.col("text").str.count_matches(r"\S+").cast(pl.Float64))
    whole = rows.group_by("conversation", maintain_order=True).len()
    columns = [name for name in MEANS if not rows[name].is_null().all()]
    lines, everyone = [], speakers(messages)
    for who in everyone[:MOST]:
        mine = rows.filter(pl.col("speaker") == who)
        sums = mine.group_by("conversation").agg(
            pl.len().alias("said"), *(pl.col(x).sum().cast(pl.Float64) for x in columns),
            *(pl.col(x).count().alias(f"{x}#") for x in columns), pl.col("failed").sum(),
            pl.col("failed").count().alias("failed#"),
        )  # fmt: skip
        each = whole.join(sums, on="conversation", how="left", maintain_order="left").fill_null(0)
        figures = {"share of messages": ratio(each["said"].to_numpy(), each["len"].to_numpy())}
        for name in columns:
            figures[MEANS[name]] = _where(each, name, f"no {name} recorded")
        if not rows["failed"].is_null().all():
            figures["share failed"] = _where(each, "failed", "no status recorded")
        lines.append(Line(who, figures, f"{mine.height:,} in {sums.height:,} of {whole.height:,}"))
    counts = rows.group_by("conversation", "speaker", maintain_order=True).len()
    each = [n.to_numpy() for n in counts.group_by("conversation", maintain_order=True).agg("len")["len"]]
    spread = [gini(n) if len(n) > 1 else np.nan for n in each]
    about = "0 is equal"
    unequal = {"share of messages": estimate(np.array(spread), "one speaker only", shares=True)}
    lines.insert(0, Line("Gini of talk in a conversation", unequal, about))
    return Section("who talks", tuple(lines), notes=beyond(len(everyone), MOST, "speakers"), most=13)


def _where(each: pl.DataFrame, name: str, why: str) -> Estimate:
    """The mean of a column over messages, where it was recorded."""
    there = each.filter(pl.col(f"{name}#") > 0)
    return ratio(there[name].to_numpy(), there[f"{name}#"].to_numpy(), why)


# ------------------------------------------------------------------------------------------- to whom


def to_whom(messages: pl.DataFrame) -> Section:
    """Whom each speaks to; where receivers are not named, whom each speaks after."""
    named = 1.0 - messages["to"].null_count() / messages.height
    if named >= ADDRESSED:
        title, arrow = "who talks to whom (named receivers)", "->"
        ties = messages.explode("to", empty_as_null=True).filter(pl.col("to").is_not_null())
    elif not messages["round"].is_null().all():
        return Section("who talks to whom", why="receivers are not named, and a round is said at once")
    else:
        title, arrow = "who speaks after whom (receivers are not named)", "after"
        before = pl.col("speaker").shift(1).over("conversation", order_by="t")
        ties = messages.with_columns(to=before).filter(pl.col("to").is_not_null())
    notes = [f"{named:.0%} of {messages.height:,} messages name a receiver."] if 0 < named < 1 else []
    ties = ties.select("conversation", "speaker", "to")
    own = ties.filter(pl.col("speaker") == pl.col("to")).height
    if own:
        what = "to oneself" if arrow == "->" else "after oneself"
        notes.append(f"{own:,} messages {what} are in no pair.")
    ties = ties.filter(pl.col("speaker") != pl.col("to"))
    if ties.is_empty():
        return Section(title, why="nobody speaks to another", notes=tuple(notes))
    whole = ties.group_by("conversation", maintain_order=True).len("all")
    pairs = ties.group_by("speaker", "to").len().sort("len", "speaker", "to", descending=[True, False, False])
    notes += beyond(pairs.height, MOST, "pairs")
    lines = []
    for who, to, n in pairs.head(MOST).rows():
        here = ties.filter((pl.col("speaker") == who) & (pl.col("to") == to)).group_by("conversation").len()
        each = whole.join(here, on="conversation", how="left", maintain_order="left").fill_null(0)
        share = ratio(each["len"].to_numpy(), each["all"].to_numpy())
        lines.append(Line(f"{who} {arrow} {to}", {"share": share}, f"{n:,} messages"))
    cells = ties.partition_by("conversation", maintain_order=True)
    sums = np.array([reciprocity(cell["speaker"].to_list(), cell["to"].to_list()) for cell in cells])
    lines.insert(0, Line("reciprocity", {"share": estimate(sums[:, 0], shares=True)}, "share returned"))
    chance = estimate(sums[:, 1], "two speakers only, or nobody else to speak to", shares=True)
    lines.insert(1, Line("reciprocity, receivers shuffled", {"share": chance}, "by chance"))
    return Section(title, tuple(lines), notes=tuple(notes), most=14)


def reciprocity(who: list[str], to: list[str]) -> tuple[float, float]:
    """The returned share of messages, sum_ij min(w_ij, w_ji) / sum_ij w_ij; and with receivers shuffled.

    The shuffles leave out what would be said to oneself; NaN with fewer than three people.
    Source: Squartini et al. 2013, Scientific Reports 3:2729.
    """

    def share(pairs: list[tuple[str, str]]) -> float:
        n = Counter(pairs)
        return sum(min(k, n[b, a]) for (a, b), k in n.items()) / len(pairs)

    rng, found = np.random.default_rng(0), []
    for _ in range(SHUFFLES if len({*who, *to}) > 2 else 0):
        other = [to[i] for i in rng.permutation(len(to))]
        pairs = [(a, b) for a, b in zip(who, other, strict=True) if a != b]
        found += [share(pairs)] if pairs else []
    return share(list(zip(who, to, strict=True))), float(np.mean(found)) if found else float("nan")


# ------------------------------------------------------------------------------------ who moves whom


def influence(messages: pl.DataFrame) -> Section:
    """Bits that who speaks (and what stance each took last) tells of who is next, and with what."""
    title = "influence: bits beyond chance that one's past adds about the others' next"
    ways = {"whose turn": _turns}
    if not messages["stance"].is_null().all():
        ways["stances"] = _stances
    found: dict[str, dict[str, list[float]]] = {way: {} for way in ways}
    cells = messages.sort("t").partition_by("conversation", maintain_order=True)
    looked = sorted((c for c in cells if c.height >= LEAST), key=lambda c: c["conversation"][0])[:LOOKED]
    work = done = 0
    for cell in looked:
        if work >= WORK and done >= FEW:
            break
        done += 1
        for way, series in ways.items():
            some = series(cell.head(LONGEST))
            work += len(some) * (len(some) - 1) * (EACH + min(cell.height, LONGEST))
            for who, bits in _moves(some).items():
                found[way].setdefault(who, []).append(bits)
    who = [one for one in speakers(messages) if any(one in some for some in found.values())]
    if not who:
        return Section(title, why=f"no conversation of {LEAST} messages with three speakers, or with stances")
    why = "never with two others in a long enough conversation"
    lines = tuple(
        Line(one, {way: estimate(np.array(some.get(one, [np.nan])), why) for way, some in found.items()})
        for one in who[:MOST]
    )
    note = (
        f"Transfer entropy in {done:,} of {len(cells):,} conversations (from {LEAST} messages on; the first "
        f"by name, as many as take some seconds, at most {LOOKED}; of each {LONGEST:,} messages, {PARTIES} "
        "speakers), less the mean when permuted: up to 0 it is nothing. A common cause reads as influence."
    )
    return Section(title, lines, notes=(note, *beyond(len(who), MOST, "speakers")))


def _turns(cell: pl.DataFrame) -> dict[str, np.ndarray]:
    """Whether each speaks, message by message; of two speakers, one's turn is the other's silence."""
    who = speakers(cell)[:PARTIES] if cell["round"].is_null().all() else []
    return {one: (cell["speaker"] == one).to_numpy().astype(int) for one in who} if len(who) > 2 else {}


def _stances(cell: pl.DataFrame) -> dict[str, np.ndarray]:
    """The stance each took last, message by message (round by round); -1 before the first."""
    codes = cell["stance"].rank("dense").cast(pl.Int64)
    who = [one for one in speakers(cell) if codes.filter(cell["speaker"] == one).count()][:PARTIES]
    mine = [pl.when(pl.col("speaker") == one).then(codes).forward_fill().fill_null(-1) for one in who]
    table = cell.select("t", "round", *(x.alias(str(i)) for i, x in enumerate(mine)))
    table = table.group_by(pl.coalesce("round", "t"), maintain_order=True).last()
    return {one: table[str(i)].to_numpy() for i, one in enumerate(who)} if len(who) > 1 else {}


def _moves(series: dict[str, np.ndarray]) -> dict[str, float]:
    """For each the mean over others of the bits beyond chance."""
    return {
        i: float(np.mean([transfer(x, y, permutations=50).excess for j, y in series.items() if j != i]))
        for i, x in series.items()
    }


# ------------------------------------------------------------------------------------- who gives in


def conformity(messages: pl.DataFrame) -> Section:
    """How often a stance gives in to what most others last said, and is left where others share it."""
    title = "conformity: stances that give in"
    if messages["stance"].is_null().all():
        return Section(title, why="no message carries a stance (stance, answer or vote)")
    rows = messages.filter(pl.col("stance").is_not_null()).sort("t")
    cells = rows.partition_by("conversation", maintain_order=True)
    n = np.array([giving_in(cell.select("speaker", "stance", "round").rows()) for cell in cells], float)
    met, had = "nobody whose last stance was another's met a majority", "nobody was in a majority"
    both = ratio(n[:, ::2], n[:, 1::2], f"{met}, or {had}", (1.0, -1.0))
    joined, left = ratio(n[:, 0], n[:, 1], met), ratio(n[:, 2], n[:, 3], had)
    lines = [
        Line(
            "joins a contrary majority", {"share": joined}, "{:,.0f} of {:,.0f}".format(*n[:, :2].sum(axis=0))
        ),
        Line("leaves a majority shared", {"share": left}, "{:,.0f} of {:,.0f}".format(*n[:, 2:].sum(axis=0))),
        Line("joins less leaves", {"share": both if both.n else not_available(both.reason)}),
    ]
    return Section(title, tuple(lines))


def giving_in(said: list[tuple]) -> tuple[int, int, int, int]:
    """(joined, met, left, had), of stances in order; ties are no majority.

    Met: one's last stance was not the most frequent of the others' last ones; joined: one then takes it. Had:
    it was; left: one then takes another. A round hears only the rounds before; None: each hears all before.
    """
    now, heard, last, joined, met, left, had = None, dict[str, str](), dict[str, str](), 0, 0, 0, 0
    for who, stance, at in said:
        if at is None or at != now:
            now, heard = at, dict(last)
        top = Counter(x for other, x in heard.items() if other != who).most_common(2)
        if who in heard and top and (len(top) == 1 or top[0][1] > top[1][1]):
            most = top[0][0]
            if heard[who] == most:
                had, left = had + 1, left + (stance != most)
            else:
                met, joined = met + 1, joined + (stance == most)
        last[who] = stance
    return joined, met, left, had
