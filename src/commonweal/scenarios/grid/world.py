"""A world of cells: agents walk, eat, clean, zap and claim; one set of rules, four social dilemmas.

Sequential social dilemmas: Leibo et al. 2017, arXiv 1702.03037; Harvest by Perolat et al. 2017, arXiv
1707.06600; Cleanup by Hughes et al. 2018, arXiv 1803.08884; the coin game by Lerer and Peysakhovich 2017,
arXiv 1707.01068; Territory after Melting Pot, Leibo et al. 2021, arXiv 2107.06857. What a map has no cells
for does not exist, and costs nothing.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._card import Card, Unknown, Value, one_each
from ..._channel import Choice
from ..._param import count, param, text
from ..._scenario import Outcome, Scenario, Sight
from . import rules
from .maps import Plan, Sizes, survey
from .views import away, legend, letters, pixels, planes, windows

# act: (quarter turns to the right, quarter turns from ahead in which it walks or -1)
ACTS: dict[str, tuple[int, int]] = {
    "stay": (0, -1),
    "forward": (0, 0),
    "back": (0, 2),
    "left": (0, 3),
    "right": (0, 1),
    "turn left": (3, -1),
    "turn right": (1, -1),
    "north": (0, 0),
    "east": (0, 1),
    "south": (0, 2),
    "west": (0, 3),
    "zap": (0, -1),
    "clean": (0, -1),
    "claim": (0, -1),
}
WALK = ("stay", "forward", "back", "left", "right", "turn left", "turn right")
COMPASS = ("stay", "north", "east", "south", "west")


class Field(eqx.Module):
    """The state: who is where, and what lies where. Leaves of things the map lacks are empty.

    - `place`, `facing`, `out`: cell, quarter turns from north, ticks until it may act again.
    - `did`: the act last done, for drawing.
    - `apples`, `waste`: 1 where there is one; `coins`: the cell of each agent's coin.
    - `claims`: who owns each wall, or -1.
    """

    place: Int[Array, " n"]
    facing: Int[Array, " n"]
    out: Int[Array, " n"]
    did: Int[Array, " n"]
    apples: Float[Array, " S"]
    waste: Float[Array, " R"]
    coins: Int[Array, " c"]
    claims: Int[Array, " L"]


class Grid(Scenario):
    """Agents on a map of cells, each seeing a window of it (mixed motives).

    A tick: all turn or step at once (a cell takes one agent; of several who want it a random one gets
    it, and nobody enters a cell that was taken); they eat and pick up what lies there; beams fire;
    waste comes, apples grow; who was away comes back. Beams stop at walls, not at agents.

    - `rows`: the map (letters in `maps`); `acts`: the options of the channel `move`, `stay` first.
    - `ahead`, `behind`, `side`: the window; `reach`, `spread`: cells ahead and aside that a beam covers.
    - `radius`: apples with j^2 + k^2 up to this are neighbors; 0 means that they grow alone.
    - `regrowth`: chance that an apple grows, with 0, 1, 2, and 3 or more neighbors.
    - `clogged`, `pollution`: share of waste from which nothing grows (at 0 waste the full chance, linear
      between) and no more comes; chance of one more cell of waste a tick.
    - `zapping`: whoever is hit stands `timeout` ticks frozen, or is away and comes back at a start cell.
      Who is away sees walls all around, and stands at `spot` -1, facing 0; who is frozen sees on.
    - `coin_pay`, `theft`: for a coin picked up, to its owner if another did; a new one falls at once.
    - `rent`: for each wall owned, each tick.

    Events: `apples`, `waste_cleaned`, `zaps`, `was_hit`, `thin` (apples eaten with fewer than `spare`
    neighbors), `coins`, `stolen`, `owned`, `stock` (share of apple cells with an apple), `waste` (share
    of the river), `excess` (thin + stolen + claims taken from others + hits), `cooperated` (with a river:
    whether it cleaned; else whether its `excess` was 0). Raises ValueError: see `__check_init__`.
    """

    rows: tuple[str, ...] = count()
    acts: tuple[str, ...] = count((*WALK, "zap"))
    n_agents: int = count(5, "[1, 10000]")
    horizon: int = count(1000, "[1, 1000000]")
    ahead: int = count(9, "[0, 100]")
    behind: int = count(1, "[0, 100]")
    side: int = count(5, "[0, 100]")
    reach: int = count(3, "[0, 100]")
    spread: int = count(1, "[0, 100]")
    radius: int = count(2, "[0, 100]")
    spare: int = count(1, "[0, 100]")
    coins_lie: bool = count(False)
    torus: bool = count(False)
    solid: bool = count(True)
    zapping: Literal["remove", "freeze"] = text("remove")
    sees: Literal["codes", "planes", "pixels"] = text("codes")
    title: str = text("Grid")
    apple_pay: Float[Array, ""] = param(1.0)
    regrowth: Float[Array, "4"] = param((0.0, 0.005, 0.02, 0.05), "[0, 1]")
    clogged: Float[Array, ""] = param(0.4, "(0, 1]")
    pollution: Float[Array, ""] = param(0.5, "[0, 1]")
    zap_pay: Float[Array, ""] = param(-1.0)
    hit_pay: Float[Array, ""] = param(-50.0)
    timeout: Float[Array, ""] = param(25.0, "[0, 1000000]")
    coin_pay: Float[Array, ""] = param(1.0)
    theft: Float[Array, ""] = param(-2.0)
    rent: Float[Array, ""] = param(0.01)

    def __check_init__(self):
        unknown = [act for act in self.acts if act not in ACTS]
        if unknown or self.acts[:1] != ("stay",):
            raise ValueError(
                f"Grid came with the acts {self.acts}; wanted 'stay' first, then any of {sorted(ACTS)}: "
                "Grid(rows, acts=('stay', 'north', 'east', 'south', 'west'))"
            )
        beams = {"zap", "clean", "claim"} & set(self.acts)
        if self.torus and beams:
            raise ValueError(
                f"Grid came with torus=True and the beams {sorted(beams)}, which would meet themselves; "
                "wanted one without the other: acts=('stay', 'north', 'east', 'south', 'west')"
            )
        compass = {"north", "east", "south", "west"} & set(self.acts)
        if compass and self.turning:
            raise ValueError(
                f"Grid came with both turns and {sorted(compass)}; wanted one way to walk: "
                "acts=('stay', 'forward', 'left', 'right', 'turn left', 'turn right')"
            )
        seats = len(self.plan.starts)
        if seats < self.n_agents:
            raise ValueError(
                f"Grid: got n_agents={self.n_agents}, expected at most {seats}, the cells P of the map; try "
                f"Grid(rows, n_agents={seats}), or write more P"
            )

    @property
    def plan(self) -> Plan:
        """The tables of the map."""
        sizes = Sizes(self.ahead, self.behind, self.side, self.reach, self.spread, self.radius, self.torus)
        return survey(self.rows, sizes)

    @property
    def turning(self) -> bool:
        """Whether agents have a facing that changes."""
        return "turn left" in self.acts or "turn right" in self.acts

    @property
    def zaps(self) -> bool:
        """Whether there is a zap beam."""
        return "zap" in self.acts

    @property
    def n_coins(self) -> int:
        """One coin for each agent, or none."""
        return self.n_agents if self.coins_lie else 0

    def channels(self):
        return {"move": Choice(self.acts)}

    def card(self):
        people, represents = one_each([f"agent {i}" for i in range(self.n_agents)])
        values = []
        if self.zaps:
            values.append(Value("nobody is zapped", least=0.0, worst=self._most(), right=True, floor=1.0))
        if len(self.plan.apples):
            values.append(Value("apples can grow", least=0.0, worst=1.0, right=True, floor=0.5))
        return Card(
            title=self.title,
            citation="Leibo et al. 2017; Perolat et al. 2017; Hughes et al. 2018; Lerer, Peysakhovich 2017",
            setting="mixed",
            objective="the agents' pay together",
            stakeholders=people,
            represents=represents,
            values=tuple(values),
            oracle=Unknown("the best joint play of a grid world is not known"),
        )

    def _most(self) -> float:
        """No more hits than this: again once its time is over, each by all in whose beam it can stand."""
        others, beam = self.n_agents - 1, self.reach * (2 * self.spread + 1)
        idle = int(min(max(float(self.timeout), 0.0), self.horizon))
        times = -(-self.horizon // (idle + 1))
        return float(max(times * self.n_agents * (min(others, beam) if self.solid else others), 1))

    def init(self, key):
        plan, n = self.plan, self.n_agents
        who, where, look = jax.random.split(key, 3)
        starts = jax.random.permutation(who, jnp.asarray(plan.starts))[:n]
        coins = jnp.zeros(0, jnp.int32)
        if self.n_coins:
            free = ~(jnp.asarray(plan.ground)[:, None] == starts[None]).any(axis=1)
            order = jnp.argsort(jax.random.uniform(where, free.shape) + jnp.where(free, 0.0, 1.0))
            coins = jnp.asarray(plan.ground)[order[:n]]
        facing = jax.random.randint(look, (n,), 0, 4) if self.turning else jnp.zeros(n, jnp.int32)
        zero = jnp.zeros(n, jnp.int32)
        ripe, dirty = jnp.asarray(plan.ripe, jnp.float32), jnp.asarray(plan.dirty, jnp.float32)
        return Field(
            starts, facing, zero, zero, ripe, dirty, coins, jnp.full(len(plan.claims), -1, jnp.int32)
        )

    def step(self, state, actions, key):
        plan, n = self.plan, self.n_agents
        sizes = (n, 2, len(plan.apples), rules.TRIES if len(plan.river) else 0, self.n_coins)
        order, some, growing, flowing, falling = rules.draw(key, *sizes)
        act = jnp.where(state.out > 0, 0, actions["move"])
        here = ~away(self, state)
        turn, way = (jnp.asarray(table)[act] for table in self._legs())
        facing = (state.facing + turn) & 3
        goal = jnp.asarray(plan.steps)[state.place * 4 + ((facing + way) & 3)]
        goal = jnp.where(way < 0, state.place, goal)
        place = rules.walk(state.place, goal, here, order) if self.solid else goal
        now = eqx.tree_at(lambda s: (s.place, s.facing, s.did), state, (place, facing, act))
        events = {"excess": jnp.zeros(n)}
        now, pay = self._gather(now, here, events, (growing, falling))
        now, fined = self._beams(now, here, events, order)
        now = self._flow(now, events, flowing, some[0])
        now = self._return(now, some[1])
        fair = events["waste_cleaned"] > 0.0 if "clean" in self.acts else events["excess"] == 0.0
        events["cooperated"] = fair.astype(jnp.float32)
        return now, Outcome(pay=pay + fined, harm=self._harm(now, events), events=events)

    def _legs(self):
        """int32[acts] each: how each act turns, and which way it walks, -1 for nowhere."""
        return np.array([ACTS[act] for act in self.acts], np.int32).T

    def _does(self, state, name):
        """Bool[n]: who does this act now."""
        return state.did == self.acts.index(name)

    def _gather(self, now, here, events, luck):
        """Eating, picking up and growing: the field and the pay."""
        plan, n = self.plan, self.n_agents
        pay = jnp.zeros(n)
        if len(plan.apples):
            at = jnp.where(here, jnp.asarray(plan.apple_at)[now.place], len(plan.apples))
            neighbors = jnp.zeros_like(now.apples)
            if self.radius:
                neighbors = now.apples @ jnp.asarray(plan.near)
            found = now.apples.at[at].get(mode="fill", fill_value=0.0) > 0.0
            sparse = neighbors.at[at].get(mode="fill", fill_value=0.0) < self.spare
            ate, thin = found.astype(jnp.float32), (found & sparse).astype(jnp.float32)
            dirt = now.waste.mean() if len(plan.river) else jnp.float32(0.0)
            clean = jnp.clip(1.0 - dirt / self.clogged, 0.0, 1.0)
            chance = rules.growth(neighbors, self.regrowth, clean)
            grows = luck[0].astype(jnp.float32) < chance * rules.HALF
            apples = jnp.where(grows, 1.0, now.apples)
            for i in range(n):  # nothing grows under an agent; one by one this melts into the line above
                apples = jnp.where(jnp.arange(len(plan.apples)) == at[i], 0.0, apples)
            now = eqx.tree_at(lambda s: s.apples, now, apples)
            pay = pay + self.apple_pay * ate
            stock = jnp.broadcast_to(apples.mean(), (n,))
            events |= {"apples": ate, "thin": thin, "stock": stock, "excess": events["excess"] + thin}
        if self.n_coins:
            picks = (now.place[:, None] == now.coins[None]) & here[:, None]
            foreign = picks & ~jnp.eye(n, dtype=bool)
            stolen = foreign.sum(axis=1).astype(jnp.float32)
            coins = picks.sum(axis=1).astype(jnp.float32)
            lost = foreign.sum(axis=0).astype(jnp.float32)
            fell = rules.fall(plan, now.coins, picks.any(axis=0), now.place, luck[1])
            now = eqx.tree_at(lambda s: s.coins, now, fell)
            pay = pay + self.coin_pay * coins + self.theft * lost
            events |= {"coins": coins, "stolen": stolen, "excess": events["excess"] + stolen}
        return now, pay

    def _beams(self, now, here, events, order):
        """Zapping, cleaning and claiming, all at once: the field and the pay."""
        plan, n = self.plan, self.n_agents
        pay = jnp.zeros(n)
        if self.zaps:
            fires = self._does(now, "zap")
            target = here & (now.out == 0)
            hits = rules.covered(plan, now.place, now.facing, now.place)
            hits = hits & fires[:, None] & target[None] & ~jnp.eye(n, dtype=bool)
            dealt, got = hits.sum(axis=1).astype(jnp.float32), hits.sum(axis=0).astype(jnp.float32)
            pay = pay + self.zap_pay * fires.astype(jnp.float32) + self.hit_pay * got
            out = jnp.where(got > 0.0, self.timeout.astype(jnp.int32) + 1, now.out)
            now = eqx.tree_at(lambda s: s.out, now, out)
            events |= {"zaps": dealt, "was_hit": got, "excess": events["excess"] + dealt}
        if "clean" in self.acts:
            cells = jnp.asarray(plan.washed)[now.place * 4 + now.facing]
            waste, cleaned = rules.wash(now.waste, cells, self._does(now, "clean"))
            now = eqx.tree_at(lambda s: s.waste, now, waste)
            events["waste_cleaned"] = cleaned
        if "claim" in self.acts:
            walls = jnp.asarray(plan.claimed)[now.place * 4 + now.facing]
            walls = jnp.where(self._does(now, "claim"), walls, len(plan.claims))
            owners, taken = rules.claim(now.claims, walls, order)
            now = eqx.tree_at(lambda s: s.claims, now, owners)
            owned = (owners[None] == jnp.arange(n)[:, None]).sum(axis=1).astype(jnp.float32)
            pay = pay + self.rent * owned
            events |= {"owned": owned, "excess": events["excess"] + taken.astype(jnp.float32)}
        return now, pay

    def _flow(self, now, events, luck, coin):
        """Waste comes down the river, unless it is clogged."""
        if not len(self.plan.river):
            return now
        dirt = now.waste.mean()
        odds = jnp.where(dirt < self.clogged, self.pollution, 0.0)
        waste = rules.pollute(now.waste, luck, coin, odds)
        events["waste"] = jnp.broadcast_to(waste.mean(), (self.n_agents,))
        return eqx.tree_at(lambda s: s.waste, now, waste)

    def _return(self, now, luck):
        """One tick less for those who are out; who was away comes back at a free start cell."""
        if not self.zaps:
            return now
        left = jnp.maximum(now.out - 1, 0)
        if self.zapping == "freeze":
            return eqx.tree_at(lambda s: s.out, now, left)
        n, starts = self.n_agents, jnp.asarray(self.plan.starts)
        cell = starts[(luck + jnp.arange(n)) % len(starts)]  # different cells for different agents
        taken = ((cell[:, None] == now.place[None]) & (now.out == 0)[None]).any(axis=1)
        back = (now.out == 1) & ~taken
        out = jnp.where((now.out == 1) & taken, 1, left)
        return eqx.tree_at(lambda s: (s.out, s.place), now, (out, jnp.where(back, cell, now.place)))

    def _harm(self, now, events):
        """Float[n, values]: hits dealt; each agent's part of the time in which nothing can grow."""
        n, harm = self.n_agents, []
        if self.zaps:
            harm.append(events["zaps"])
        if len(self.plan.apples):
            dead = now.waste.mean() >= self.clogged if len(self.plan.river) else now.apples.sum() == 0.0
            harm.append(jnp.broadcast_to(dead.astype(jnp.float32) / (self.horizon * n), (n,)))
        return jnp.stack(harm, axis=1) if harm else None

    def observe(self, state):
        plan, gone = self.plan, away(self, state)
        view = windows(plan, self, state)
        spot = jnp.stack([state.place // plan.stride, state.place % plan.stride], axis=1) - plan.margin
        spot, facing = jnp.where(gone[:, None], -1, spot), jnp.where(gone, 0, state.facing)
        facts = {"view": view, "spot": spot, "facing": facing, "out": state.out}
        if self.sees == "planes":
            facts["planes"] = planes(view)
        if self.sees == "pixels":
            facts["pixels"] = pixels(view)
        if not self.zaps:
            return Sight(facts)
        stay = jnp.arange(len(self.acts)) == 0
        return Sight(facts, {"move": stay[None] | (state.out == 0)[:, None]})

    def brief(self, agent):
        plan = self.plan
        size = f"{plan.height} by {plan.width} cells" + (", joined at its edges" if self.torus else "")
        said = [
            f"You are agent {agent} of {self.n_agents} in a world of {size}. You see {self.ahead} cells "
            f"ahead, {self.behind} behind and {self.side} to each side."
        ]
        if self.solid:
            said.append("No two agents share a cell.")
        if len(plan.apples):
            grow = "more often the more apples are near; none grow where none are" if self.radius else "anew"
            said.append(f"An apple you walk onto pays {self.apple_pay:g}. Apples grow {grow}.")
        if len(plan.river):
            said.append(
                f"Waste comes down the river; the more there is, the fewer apples grow, and none from a "
                f"share of {self.clogged:g} on. To clean takes away the waste ahead of you."
            )
        if self.n_coins:
            said.append(
                f"Every coin pays {self.coin_pay:g} to whoever walks onto it; if it was another's, that "
                f"one gets {self.theft:g}."
            )
        if len(plan.claims):
            said.append(f"To claim makes the wall ahead yours; each pays {self.rent:g} a round.")
        if self.zaps:
            gone = "away" if self.zapping == "remove" else "frozen"
            said.append(
                f"To zap costs {-self.zap_pay:g}; whoever it hits, up to {self.reach} cells ahead, gets "
                f"{self.hit_pay:g} and is {gone} for {self.timeout:g} rounds."
            )
        return " ".join(said)

    def tell(self, sight):
        still = ""
        if int(sight["out"]) > 0:
            still = f"You cannot act for {int(sight['out'])} more rounds. "
            if self.zapping == "remove":
                return f"{still}You are away and see nothing."
        view, (row, column) = sight["view"], sight["spot"]
        facing = ("north", "east", "south", "west")[int(sight["facing"])]
        where = f"You are in row {int(row)}, column {int(column)}, facing {facing}"
        return f"{still}{where}. You see ({legend(view)}):\n{letters(view)}"
