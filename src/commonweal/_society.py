"""A society: a scenario, under institutions, played by minds; and its minds grouped for vmap."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._bounds import shown
from ._channel import named_key
from ._governed import Governed, under
from ._mind import Mind, Speaker
from ._profile import Profile
from ._scenario import Scenario


class Silent(Mind):
    """Says nothing: an empty chair, a speaker's in the compiled half of a tick, one whose acts are forced."""

    def act(self, memory, sight, channels, key):
        return memory, {}


class Anyone(Mind):
    """Random legal acts on every channel."""

    def act(self, memory, sight, channels, key):
        return memory, {
            name: c.sample(named_key(key, name), sight.legal[name]) for name, c in channels.items()
        }


class Society(eqx.Module):
    """A scenario played by one mind per seat, each with a profile if it has one.

    A single mind sits in every seat; so does a single profile.

    Raises:
        ValueError: the number of minds or profiles is not the number of agents.
        TypeError: something in `minds` is neither a Mind nor a Speaker.
    """

    scenario: Governed
    minds: tuple[Mind | Speaker, ...]
    profiles: tuple[Profile | None, ...]

    def __init__(
        self,
        scenario: Scenario,
        minds: Mind | Speaker | Sequence[Mind | Speaker],
        profiles: Profile | None | Sequence[Profile | None] = None,
    ):
        if not isinstance(scenario, Scenario):
            made = f"{scenario.__name__}()" if isinstance(scenario, type) else "Commons()"
            raise TypeError(
                f"Society: got scenario={shown(scenario)}, expected a scenario; try Society({made}, minds)"
            )
        n = scenario.n_agents
        self.scenario = under(scenario)
        self.minds = _seats(minds, n, "minds", (Mind, Speaker))
        given = _seats(profiles, n, "profiles", (Profile, type(None)))
        own = (mind.profile if isinstance(mind, Speaker) else None for mind in self.minds)
        self.profiles = tuple(one if one is not None else its for one, its in zip(given, own, strict=True))

    def __repr__(self) -> str:
        kinds = [type(mind).__name__ for mind in self.minds]
        seated = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        laws = "".join(f" + {law.name}" for law in self.scenario.laws)
        return f"Society({type(self.scenario.base).__name__}{laws}: {seated})"

    @property
    def speakers(self) -> tuple[int, ...]:
        """The seats of the minds that answer in words."""
        return tuple(i for i, mind in enumerate(self.minds) if isinstance(mind, Speaker))

    @property
    def learners(self) -> tuple[int, ...]:
        """The seats of the minds that must still be trained."""
        return tuple(i for i, mind in enumerate(self.minds) if isinstance(mind, Mind) and mind.learns)

    def prepare(self, folder: Path | None = None) -> "Society":
        """The same society with every pure mind prepared for its seat, and those that learn trained.

        `folder` holds the checkpoints and learning curves of training, which goes on from there.
        See `Mind.prepare` and `Mind.train`.
        """
        pure = [mind for mind in self.minds if isinstance(mind, Mind)]
        if not self.learners and all(type(mind).prepare is Mind.prepare for mind in pure):
            return self
        keys = jax.random.split(jax.random.key(0), len(self.minds) + 1)
        ready = [
            mind.prepare(self.scenario, i, keys[i]) if isinstance(mind, Mind) else mind
            for i, mind in enumerate(self.minds)
        ]
        society = Society(self.scenario, ready, self.profiles)
        if not society.learners:
            return society
        first = ready[society.learners[0]]
        taught = first.train(society, society.learners, keys[-1], folder)  # type: ignore[union-attr]
        for seat, mind in zip(society.learners, taught, strict=True):
            ready[seat] = mind
        return Society(self.scenario, ready, self.profiles)

    def groups(self) -> "tuple[Group, ...]":
        """All seats, equal kinds of mind and profile stacked together; speakers sit as silent minds."""
        kinds: dict[Any, list[int]] = {}
        silent = [Silent() if isinstance(mind, Speaker) else mind for mind in self.minds]
        for i, mind in enumerate(silent):
            arrays, rest = eqx.partition((mind, self.profiles[i]), eqx.is_array)
            shapes = tuple((x.shape, str(x.dtype)) for x in jax.tree.leaves(arrays))
            static = tuple(map(id, jax.tree.leaves(rest)))
            kinds.setdefault((jax.tree.structure(arrays), shapes, static), []).append(i)
        return tuple(Group(silent, self.profiles, seats) for seats in kinds.values())


class Group(eqx.Module):
    """Seats whose minds differ only in their numbers, stacked along a leading axis."""

    seats: tuple[int, ...] = eqx.field(static=True)
    minds: Mind
    profiles: Profile | None

    def __init__(self, minds: Sequence[Mind], profiles: Sequence[Profile | None], seats: Sequence[int]):
        self.seats = tuple(seats)
        both = [(minds[i], profiles[i]) for i in seats]
        arrays, rest = zip(*(eqx.partition(one, eqx.is_array) for one in both), strict=True)
        stacked = jax.tree.map(lambda *x: jnp.stack(x), *arrays)
        self.minds, self.profiles = eqx.combine(stacked, rest[0])


def _instance(one: Any, kind: type) -> str:
    """The line that works where something came that is no mind or profile."""
    if isinstance(one, type) and issubclass(one, kind):
        return f"{one.__name__}(), an instance of the class"
    return (
        f"an instance of a {kind.__name__.lower()}, such as cw.{kind.__name__}()"
        if kind is Profile
        else ("an instance of a mind, such as commonweal.minds.Random()")
    )


def _seats(given: Any, n: int, what: str, kinds: tuple[type, ...]) -> tuple:
    some = tuple(given) if isinstance(given, Sequence | np.ndarray) else (given,) * n
    for i, one in enumerate(some):
        if not isinstance(one, kinds):
            wanted = " or ".join("None" if k is type(None) else k.__name__ for k in kinds)
            raise TypeError(
                f"Society: got {what}[{i}]={shown(one)}, expected a {wanted}; try {_instance(one, kinds[0])}"
            )
    if len(some) != n:
        raise ValueError(
            f"{len(some)} {what} came for a scenario with {n} agents; wanted {n}, one a seat, or a "
            f"single one for all: cw.Society(scenario, {what}=[...] of length {n})"
        )
    return some
