"""What a scenario says of itself: whose interests are at stake, which values count, what could be reached.

A card is read on the host (by reports, measures and checks) and never enters the graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ._stored import steady

Certificate = Literal["exact", "bound", "best known"]
Setting = Literal["collaborative", "cooperative", "competitive", "mixed"]


def _floats(thing: object, *names: str) -> None:
    """Make plain floats of what may be arrays: a card stays on the host, and goes into JSON."""
    for name in names:
        value = getattr(thing, name)
        object.__setattr__(thing, name, None if value is None else float(value))


@dataclass(frozen=True)
class Stakeholder:
    """Someone an agent acts for, or who is merely affected.

    `low` and `high` bound the utility of one episode (the yardstick of
    satisfaction); `None` means that the range is unknown, and satisfaction is then NA.
    `third_party` says on purpose that nobody acts for them.
    """

    name: str
    low: float | None = None
    high: float | None = None
    weight: float = 1.0
    third_party: bool = False
    minority: bool = False

    def __post_init__(self):
        _floats(self, "low", "high", "weight")
        if self.low is not None and self.high is not None and self.high < self.low:
            raise ValueError(
                f"stakeholder {self.name!r} has low={self.low:g} and high={self.high:g}; high must not be "
                f"smaller: cw.Stakeholder({self.name!r}, 0.0, 10.0)"
            )


@dataclass(frozen=True)
class Value:
    """A human value the scenario can harm; its satisfaction is 1 at `least` harm and 0 at `worst`.

    `least` and `worst` are totals over one episode, in the value's own unit. A `right` cannot be
    traded for other values; it counts as violated when its satisfaction falls below `floor`.
    """

    name: str
    least: float = 0.0
    worst: float = 1.0
    weight: float = 1.0
    right: bool = False
    floor: float = 0.5

    def __post_init__(self):
        _floats(self, "least", "worst", "weight", "floor")
        if not self.worst > self.least:
            raise ValueError(
                f"value {self.name!r} has least={self.least:g} and worst={self.worst:g}; worst must "
                f"be the larger harm: cw.Value({self.name!r}, least=0.0, worst=1.0)"
            )


@dataclass(frozen=True)
class Oracle:
    """What the joint task can yield in one episode, and how well we know it.

    `best` is W*, `worst` the disagreement or random-play level W-; `nash` and `cooperative` are
    episode totals where the game has such points. `commonweal.measures.alignment` reads them.
    """

    best: float
    worst: float
    certificate: Certificate
    nash: float | None = None
    cooperative: float | None = None
    reference: float | None = None

    def __post_init__(self):
        _floats(self, "best", "worst", "nash", "cooperative", "reference")
        if self.certificate not in ("exact", "bound", "best known"):
            raise ValueError(
                f"oracle certificate {self.certificate!r} is not one of 'exact', 'bound', "
                "'best known': cw.Oracle(best=6.0, worst=0.0, certificate='exact')"
            )
        if not self.best > self.worst:
            raise ValueError(
                f"oracle has best={self.best:g} and worst={self.worst:g}; best must be larger: "
                "cw.Oracle(best=6.0, worst=0.0, certificate='exact')"
            )


@dataclass(frozen=True)
class Unknown:
    """Says on purpose that no oracle is known; objective alignment is then NA, with this reason."""

    reason: str


NO_CARD = "this data has no card: nobody said who has a stake, which values count, what is possible"


@dataclass(frozen=True)
class Card:
    """The card of a scenario with `n` agents and `k` stakeholders.

    `represents[n, k]` says who acts for whom (rows are agents, entries are non-negative weights).

    Raises:
        ValueError: shapes that do not fit, a stakeholder whom nobody represents and no flag says
            so, a card without an oracle.
    """

    title: str
    citation: str
    setting: Setting
    objective: str
    stakeholders: tuple[Stakeholder, ...]
    represents: np.ndarray
    oracle: Oracle | Unknown
    values: tuple[Value, ...] = ()
    rights_rate: float = 0.05

    def __post_init__(self):
        who = np.asarray(self.represents, dtype=float)
        object.__setattr__(self, "represents", who)
        object.__setattr__(self, "stakeholders", tuple(self.stakeholders))
        object.__setattr__(self, "values", tuple(self.values))
        k = len(self.stakeholders)
        if who.ndim != 2 or who.shape[1] != k:
            raise ValueError(
                f"card {self.title!r}: represents has shape {who.shape}, wanted (n_agents, {k}), one "
                f"column per stakeholder: represents=np.eye({k})"
            )
        for what, some in (("stakeholders", self.stakeholders), ("values", self.values)):
            names = [one.name for one in some]
            if len(set(names)) < len(names):
                raise ValueError(
                    f"card {self.title!r}: its {what} are named {names}; wanted each name once: rename one"
                )
        if (who < 0.0).any():
            raise ValueError(f"card {self.title!r}: represents has a negative weight; wanted 0 or more")
        for one, column in zip(self.stakeholders, who.T, strict=True):
            if not column.any() and not one.third_party:
                raise ValueError(
                    f"card {self.title!r}: nobody represents stakeholder {one.name!r} and no flag "
                    f"says so: cw.Stakeholder({one.name!r}, third_party=True), or give some agent a "
                    "weight in represents"
                )
        if not isinstance(self.oracle, Oracle | Unknown):
            raise ValueError(
                f"card {self.title!r} has no oracle (came {steady(repr(self.oracle))}): pass "
                "oracle=cw.Oracle(best=..., worst=..., certificate='exact'), or say why not: "
                "oracle=cw.Unknown('no optimum is known')"
            )

    @property
    def n_agents(self) -> int:
        """How many agents the card speaks of."""
        return self.represents.shape[0]

    @property
    def blank(self) -> bool:
        """Whether it stands for no card at all, as that of data of which only pay and acts are known."""
        return self.oracle == Unknown(NO_CARD)

    def lacks(self, what: str) -> str:
        """Why a measure that needs more of the card is NA: `what` says what the card does not do."""
        return NO_CARD if self.blank else f"the card {what}"

    @property
    def represented(self) -> np.ndarray:
        """Bool[k]: the stakeholders for whom some agent acts, with positive weight."""
        weights = np.array([s.weight for s in self.stakeholders])
        return self.represents.any(axis=0) & (weights > 0)


def no_card(n_agents: int, title: str) -> Card:
    """The card of data of which nobody said whose interests or values are at stake, or what is possible."""
    return Card(title, "", "mixed", "total pay", (), np.zeros((n_agents, 0)), Unknown(NO_CARD))


def one_each(names: Sequence[str], low: float | None = None, high: float | None = None):
    """Stakeholders with one agent each and a common range: `(stakeholders, represents)`."""
    people = tuple(Stakeholder(name, low, high) for name in names)
    return people, np.eye(len(people))
