"""Institutions: rules laid over any scenario, folded per phase of a tick.

`under(scenario, *institutions)` is a scenario again. Within a tick all views come first, then all
gates, then the scenario's step, then all settles, each in the order given.
"""

import zlib
from typing import Any, ClassVar, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ._bounds import shown
from ._card import Card
from ._channel import Channel, near
from ._luck import as_key, refuse_wide, seeded, threefry
from ._param import Module
from ._scenario import Actions, Outcome, Scenario, Sight, legal_acts

Budget = Literal["balanced", "burning", "minting", "free"]


class Transition(eqx.Module):
    """One step of the scenario, as every `settle` sees it: `intent` was chosen, `act` was done.

    `last` is the scenario's own end or the time limit; another institution may still end the world.
    """

    before: Any
    intent: Actions
    act: Actions
    after: Any
    outcome: Outcome
    t: Int[Array, ""]
    last: Bool[Array, ""]

    def event(self, name: str, reader: str) -> Float[Array, " n"]:
        """A named event of the scenario; ValueError says which there are, to the institution `reader`."""
        if name not in self.outcome.events:
            likely = near(name, self.outcome.events, "'excess'")
            raise ValueError(
                f"institution {reader!r} reads the event {name!r}; the scenario has "
                f"{sorted(self.outcome.events)}: name one of them, event={likely}"
            )
        return self.outcome.events[name]


class Settlement(NamedTuple):
    """What an institution books: its new memory, Float[n] payoff deltas, and whether the world ends."""

    memory: Any
    delta: Float[Array, " n"]
    over: Bool[Array, ""] | bool = False


class Institution(Module):
    """Rules over a scenario; every hook is the identity unless a subclass gives another.

    `name` keys its luck and its row in the book and must be unique; `told` says whether its text
    reaches the agents. `budget` is what its deltas sum to over agents: `balanced` 0, `burning` at
    most 0, `minting` at least 0, `free` any sign. `reads_pay` says that `settle` reads the running
    payoff, so that its place in the order matters.
    """

    name: eqx.AbstractVar[str]
    told: eqx.AbstractVar[bool]
    budget: ClassVar[Budget] = "balanced"
    reads_pay: ClassVar[bool] = False

    def channels(self, scenario: Scenario) -> dict[str, Channel]:
        """New acts that this institution offers."""
        return {}

    def fits(self, scenario: Scenario) -> None:
        """Raise ValueError where it cannot be laid over the scenario; `under` asks once."""

    def order(self, scenario: Scenario) -> tuple[tuple[int, ...], ...]:
        """Groups of agents that move one after another within a tick; () means all at once."""
        return ()

    def brief(self, agent: int) -> str:
        """The rule in words, told once."""
        return ""

    def tell(self, sight: Sight) -> str:
        """This tick in words, from the agent's own row; `sight.started` says whether it has a past."""
        return ""

    def init(self, scenario: Scenario, key: PRNGKeyArray) -> Any:
        """What the institution remembers before the first tick."""
        return ()

    def view(self, memory: Any, sights: Sight) -> Sight:
        """What the agents get to see."""
        return sights

    def gate(self, memory: Any, state: Any, actions: Actions, key: PRNGKeyArray) -> Actions:
        """What is executed; applying it twice must equal applying it once."""
        return actions

    def settle(
        self, memory: Any, transition: Transition, book: Float[Array, " n"], key: PRNGKeyArray
    ) -> Settlement:
        """The consequences; `book` is the payoff so far this tick."""
        return Settlement(memory, jnp.zeros_like(book))

    def epoch(self, memory: Any, population: Any, fitness: Array, key: PRNGKeyArray) -> Any:
        """The next population, between episodes."""
        return population


class GovernedState(eqx.Module):
    """The scenario's own state, each institution's memory, the tick, and the acts still pending."""

    base: Any
    memories: dict[str, Any]
    t: Int[Array, ""]
    pending: dict[str, Actions]


class Step(NamedTuple):
    """Everything one tick brought: outcome, intended and executed acts, and the book by row."""

    state: GovernedState
    outcome: Outcome
    intent: Actions
    act: Actions
    book: dict[str, Float[Array, " n"]]


def owner_key(world: PRNGKeyArray, t: Int[Array, ""] | np.int32, owner: str) -> PRNGKeyArray:
    """The key of one owner (the scenario, an institution's hook, a mind's role) in tick `t` of a world.

    One threefry hash of the pair (t + 1, checksum of the owner's name) under the world's key, so no
    draw depends on who else draws; t = -1 is before the first tick. Under a move order `t` counts
    rounds, so that an order shifts nobody's luck.
    """
    pair = (t + 1).astype(jnp.uint32), jnp.uint32(zlib.crc32(owner.encode()))
    return as_key(jnp.stack(threefry(jax.random.key_data(world), *pair)))


RESERVED = ("pay", "scenario", "mind", "profile", "draw")  # the book's first row, and owners of luck
BEFORE = np.int32(-1)  # the tick before the first


class Governed(Scenario):
    """A scenario under institutions. Made by `under`."""

    base: Scenario
    laws: tuple[Institution, ...]

    @property
    def n_agents(self) -> int:
        return self.base.n_agents

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Who moves when within one tick of the scenario."""
        everyone = (tuple(range(self.n_agents)),)
        return next((order for law in self.laws if (order := law.order(self.base))), everyone)

    @property
    def horizon(self) -> int:
        return self.base.horizon * len(self.groups)

    def turns(self) -> np.ndarray:
        """Bool[phases, n]: who moves in which phase of a round."""
        return np.array([[i in group for i in range(self.n_agents)] for group in self.groups])

    def silent(self) -> Actions:
        """Everybody's silence on every channel."""
        return {name: jnp.broadcast_to(c.silence, (self.n_agents,)) for name, c in self.channels().items()}

    @property
    def period(self) -> str:
        return self.base.period

    def channels(self) -> dict[str, Channel]:
        found = dict(self.base.channels())
        for law in self.laws:
            found |= law.channels(self.base)
        return found

    def card(self) -> Card:
        return self.base.card()

    def init(self, key: PRNGKeyArray) -> GovernedState:
        memories = {
            law.name: law.init(self.base, owner_key(key, BEFORE, f"{law.name}/init")) for law in self.laws
        }
        silent = self.silent()
        pending = {"intent": silent, "act": silent} if len(self.groups) > 1 else {}
        return GovernedState(
            self.base.init(owner_key(key, BEFORE, "scenario/init")), memories, jnp.int32(0), pending
        )

    def observe(self, state: GovernedState) -> Sight:
        sights = self.base.observe(state.base)
        channels = self.channels()
        sights = Sight(sights.facts, legal_acts(channels, sights, self.n_agents))
        if len(self.groups) > 1:
            sights = self._staged(state, sights, channels)
        for law in self.laws:
            sights = law.view(state.memories[law.name], sights)
        return sights

    def _staged(self, state: GovernedState, sights: Sight, channels: dict[str, Channel]) -> Sight:
        """Only the group whose turn it is may act; what earlier groups chose is shown."""
        n, phase = self.n_agents, state.t % len(self.groups)
        turns = jnp.asarray(self.turns())
        legal = {}
        for name, mask in sights.legal.items():
            mine = turns[phase].reshape((n,) + (1,) * (mask.ndim - 1))
            legal[name] = jnp.where(mine, mask, channels[name].nothing(n))
        shown = {f"shown:{name}": jnp.broadcast_to(x, (n, n)) for name, x in state.pending["act"].items()}
        return Sight(sights.facts | {"turn": jnp.broadcast_to(phase, (n,))} | shown, legal)

    def step(
        self, state: GovernedState, actions: Actions, key: PRNGKeyArray
    ) -> tuple[GovernedState, Outcome]:
        """The scenario's contract: as `advance`, with the book summed into the pay."""
        step = self.advance(state, actions, key)
        return step.state, eqx.tree_at(lambda o: o.pay, step.outcome, sum(step.book.values()))

    def advance(self, state: GovernedState, intent: Actions, key: PRNGKeyArray) -> Step:
        """One tick with all its parts; an act that is not legal now is clipped. `key` is the world's."""
        channels, legal = self.channels(), self.observe(state).legal
        act = {name: channels[name].clip(x, legal[name]) for name, x in intent.items()}
        if len(self.groups) == 1:
            return self._play(state, intent, act, key)
        phase, silent = state.t % len(self.groups), self.silent()
        mine = jnp.asarray(self.turns())[phase]
        pending = {
            what: {name: jnp.where(mine, acts[name], state.pending[what][name]) for name in silent}
            for what, acts in (("intent", intent), ("act", act))
        }
        now = self._play(state, pending["intent"], pending["act"], key)
        done = phase == len(self.groups) - 1
        waiting = Step(
            GovernedState(state.base, state.memories, state.t + 1, pending),
            jax.tree.map(jnp.zeros_like, now.outcome),
            intent,
            silent,
            jax.tree.map(jnp.zeros_like, now.book),
        )
        cleared = {"intent": silent, "act": silent}
        now = now._replace(state=eqx.tree_at(lambda s: s.pending, now.state, cleared))
        return jax.tree.map(lambda a, b: jnp.where(done, a, b), now, waiting)

    def _play(self, state: GovernedState, intent: Actions, act: Actions, key: PRNGKeyArray) -> Step:
        """Gates, step and settles; `act` is the intent, clipped to what was legal when it was chosen."""
        t = state.t // len(self.groups)
        for law in self.laws:
            act = law.gate(state.memories[law.name], state.base, act, owner_key(key, t, f"{law.name}/gate"))
        own = {name: act[name] for name in self.base.channels()}
        after, outcome = self.base.step(state.base, own, owner_key(key, t, "scenario/step"))
        book, running, over, memories = {"pay": outcome.pay}, outcome.pay, outcome.over, {}
        last = over | (state.t + 1 >= self.horizon)
        happened = Transition(state.base, intent, act, after, outcome, t, last)
        for law in self.laws:
            key_here = owner_key(key, t, f"{law.name}/settle")
            settled = law.settle(state.memories[law.name], happened, running, key_here)
            memories[law.name] = settled.memory
            over = over | settled.over
            if type(law).settle is not Institution.settle:
                book[law.name] = settled.delta
                running = running + settled.delta
        outcome = eqx.tree_at(lambda o: o.over, outcome, over)
        return Step(GovernedState(after, memories, state.t + 1, state.pending), outcome, intent, act, book)

    def brief(self, agent: int) -> str:
        rules = [law.brief(agent) for law in self.laws if law.told]
        if len(self.groups) > 1:
            turn = next(i for i, group in enumerate(self.groups) if agent in group)
            rules.append(f"You move in turn {turn + 1} of {len(self.groups)} each round.")
        return "\n".join(filter(None, [self.base.brief(agent), *rules]))

    def tell(self, sight: Sight) -> str:
        news = [law.tell(sight) for law in self.laws if law.told]
        if len(self.groups) > 1:
            news.append(self._fixed(sight))
        return "\n".join(filter(None, [self.base.tell(sight), *news]))

    def _fixed(self, sight: Sight) -> str:
        """What earlier groups have chosen in this round, in the channels' own words."""
        channels, n = self.channels(), self.n_agents
        free = jax.tree.map(np.asarray, _free(self.base, n, channels))
        acts = [
            f"agent {i} chose {name} = {channels[name].render(sight[f'shown:{name}'][i]) or '(silence)'}"
            for group in self.groups[: int(sight["turn"])]
            for i in group
            for name in channels
            if (free[name][i].sum() > 1 if free[name].dtype == bool else free[name][i] > 0.0)
        ]
        return "Already fixed this round: " + ", ".join(acts) + "." if acts else ""


@eqx.filter_jit
def _free(base: Scenario, n: int, channels: dict[str, Channel]) -> dict[str, Array]:
    """What is legal before the first tick."""
    return legal_acts(channels, base.observe(base.init(seeded(0))), n)


def _what(thing: Any) -> str:
    return "a class, no instance of it" if isinstance(thing, type) else f"a {type(thing).__name__}"


def under(scenario: Scenario, *institutions: Institution) -> Governed:
    """The scenario under institutions, itself a scenario; institutions already there stay first.

    Raises:
        ValueError: two institutions of one name, a channel that exists already, two move orders; JAX is
            set to 64 bits.
    """
    refuse_wide()
    if not isinstance(scenario, Scenario):
        raise TypeError(
            f"under() came with {shown(scenario)}, {_what(scenario)}; wanted a scenario: "
            "cw.under(Commons(), first, second)"
        )
    for law in institutions:
        if not isinstance(law, Institution):
            raise TypeError(
                f"under() came with {shown(law)}, {_what(law)}; wanted institutions one by one: "
                "cw.under(scenario, first, second)"
            )
    base, laws = (scenario.base, scenario.laws) if isinstance(scenario, Governed) else (scenario, ())
    laws = (*laws, *institutions)
    names = [law.name for law in laws]
    sums = [zlib.crc32(name.encode()) for name in names]
    for name, checksum in zip(names, sums, strict=True):
        if sums.count(checksum) > 1 or name in RESERVED:
            raise ValueError(
                f"institutions are named {names}; {name!r} is taken (so are {', '.join(RESERVED)}, which key "
                f"others' luck): give each a name of its own: "
                f"{type(laws[names.index(name)]).__name__}(..., name='{name} 2')"
            )
    seen = dict.fromkeys(base.channels(), "the scenario")
    for law in laws:
        for channel in law.channels(base):
            if channel in seen:
                raise ValueError(
                    f"institution {law.name!r} adds the channel {channel!r}, which {seen[channel]} has; "
                    "wanted a new name: rename one of the two channels"
                )
            seen[channel] = f"institution {law.name!r}"
    for law in institutions:
        law.fits(base)
    orders = {law.name: order for law in laws if (order := law.order(base))}
    if len(orders) > 1:
        raise ValueError(
            f"institutions {list(orders)} each fix a move order; wanted at most one: drop one of them"
        )
    for name, order in orders.items():
        if sorted(i for group in order for i in group) != list(range(base.n_agents)):
            raise ValueError(
                f"institution {name!r} orders the moves as {order}; wanted every one of the "
                f"{base.n_agents} agents in one group: ((0,), {tuple(range(1, base.n_agents))})"
            )
    return Governed(base, laws)
