"""Which column of somebody's table of decisions holds what: as they say, or by its name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

COOPERATIVE = ("COOPERATE", "CONTRIBUTE", "STAG", "GIVE", "travellers_dilemma:CLAIM_3")
GUESSES = {
    "game": ("game", "scenario", "environment", "env", "task"),
    "mechanism": ("mechanism", "institution", "treatment", "condition"),
    "match": ("run", "seed", "session", "world", "episode", "match", "pair", "match_id", "game_id"),
    "round": ("round", "t", "tick", "step", "turn", "period"),
    "seat": ("seat", "player", "agent", "position", "agent_id", "player_id", "agent_name", "subject"),
    "model": ("model", "model_name", "llm", "policy", "strategy", "mind"),
    "action": ("action", "choice", "decision", "move", "act"),
    "points": ("points", "payoff", "reward", "score", "earnings", "pay"),
}
OPTIONAL = ("game", "mechanism", "round")
NEAR = 0.75  # likeness of two names, from 0 to 1, from which one is advised for the other
GOVSIM = {"agent_id", "resource_collected", "wanted_resource"}
SEVERAL = re.compile(r"(?i)[_. ]?(?:player|agent)?[_ ]?[ab12](?=[_. ]|$)")  # player_a beside player_b


@dataclass(frozen=True)
class Columns:
    """Which column of the table holds what; `None` means guess from common names.

    `match` columns together (with game and mechanism) name one independent match; in a folder, the
    file too, where files tell of the same decision. Without any, all rows are one match. `model`
    columns are joined to one label, as in `gpt-5.2 (CoT)`; without any, each seat is a model. `game`,
    `mechanism` and `round` may be `""`: the table has none. `cooperative` lists the acts that count
    as cooperation, `ACT` in any game or `game:ACT` in one, ignoring case.
    """

    game: str | None = None
    mechanism: str | None = None
    match: tuple[str, ...] | None = None
    round: str | None = None
    seat: str | None = None
    model: tuple[str, ...] | None = None
    action: str | None = None
    points: str | None = None
    cooperative: tuple[str, ...] = COOPERATIVE

    @classmethod
    def parse(cls, pairs: Iterable[str]) -> "Columns":
        """Columns from texts such as `points=payoff` or `match=run,match`.

        Raises:
            ValueError: a text that is no `key=column`, or names no field of `Columns`.
        """
        known = [f.name for f in fields(cls)]
        found = {}
        for pair in pairs:
            key, equals, text = (part.strip() for part in pair.partition("="))
            if not equals or key not in known or not (text or key in OPTIONAL):
                raise ValueError(
                    f"column mapping came as {pair!r}; wanted key=column with a key among "
                    f"{', '.join(known)}: action=choice"
                )
            many = key in ("match", "model", "cooperative")
            found[key] = tuple(part.strip() for part in text.split(",")) if many else text
        return cls(**found)

    def fit(self, names: Sequence[str], source: str = "the table") -> "Columns":
        """The same mapping with every guess made and checked against the table's column names.

        Raises:
            ValueError: a column that is not there.
        """
        return replace(self, **{key: self._find(key, names, source) for key in GUESSES})

    def _find(self, key: str, names: Sequence[str], source: str):
        """The column, or columns, for one key."""
        given, many = getattr(self, key), key in ("match", "model")
        here = {_spelled(name): name for name in reversed(names)}
        hits = [here[guess] for guess in GUESSES[key] if guess in here]
        lost = [name for name in (given if many else [given]) or () if name and name not in names]
        if lost or (given is None and not hits and key not in (*OPTIONAL, "match", "model")):
            raise ValueError(_no_column(key, lost, names, source))
        if given is not None:
            return given
        if key == "model":
            return tuple(filter(None, (hits[0], here.get("prompting")))) if hits else ()
        return tuple(hits) if many else (hits or [""])[0]


def _no_column(key: str, lost: Sequence[str], names: Sequence[str], source: str) -> str:
    """That a column is not there; another is advised only if its name is near, and that of no other role."""
    taken = {name for guesses in GUESSES.values() for name in guesses}
    spare = [name for name in names if lost or _spelled(name) not in taken]
    near = [one for name in lost[:1] or GUESSES[key] for one in get_close_matches(name, spare, 1, NEAR)]
    looked = f"{lost[0]!r} (wanted for {key})" if lost else f"for {key}"
    tried = "" if lost else f"looked for {', '.join(GUESSES[key])}; "
    mend = f"say which one, as in {key}={near[0] if near else 'COLUMN'}"
    stems = [SEVERAL.sub("", name) for name in names]
    pairs = zip(names, stems, strict=True)
    if several := [name for name, stem in pairs if stem != name and stems.count(stem) > 1]:
        mend += f"; if a row is several decisions ({', '.join(several[:2])}), make one row of each"
    return f"{source} has no column {looked}; {tried}it has {', '.join(names)}: {mend}"


def _spelled(name: str) -> str:
    """A column's name as the guesses are written: `Agent Name` is agent_name."""
    return "_".join(name.lower().replace("-", " ").split())


def of_decisions(record: Mapping[str, Any]) -> bool:
    """Whether a record tells of a decision: who made it, what it was, what it brought."""
    names = {_spelled(str(name)) for name in record}
    return GOVSIM <= names or all(names & {*GUESSES[role]} for role in ("seat", "action", "points"))
