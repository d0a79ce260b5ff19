"""Any normal-form game, played again and again, with the classical games as functions.

Acts are listed from the most to the least cooperative, so act 0 is the cooperative one and
`cooperated` is 1 - act / (acts - 1). In a zero-sum game that is a label and no praise.
"""

from itertools import product

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._card import Card, Oracle, Unknown, one_each
from .._channel import Choice
from .._param import count, param, text
from .._scenario import Outcome, Scenario, Sight


class Round(eqx.Module):
    """The state: what each agent did last, and whether there was a last round at all."""

    act: Int[Array, " n"]
    started: Bool[Array, ""]


class MatrixGame(Scenario):
    """`payoffs[i, a_1, ..., a_n]` is what agent i earns when the agents act a_1, ..., a_n.

    Facts of the sight (zero before the first round, when `started` is 0): `own`, `others` and, for
    two players, `other` are last acts; `did` and `share` the own and the others' mean
    cooperativeness (0 to 1); `paid` everyone's last pay, own first. Events: `cooperated`,
    `excess` (1 - cooperated). Source: von Neumann and Morgenstern 1944.
    """

    payoffs: Float[Array, "n ..."] = param()
    acts: tuple[str, ...] = count(("cooperate", "defect"))
    horizon: int = count(10, "[1, 1000000]")
    title: str = text("Matrix game")
    citation: str = text("von Neumann and Morgenstern 1944")

    def __check_init__(self):
        shape, m = self.payoffs.shape, len(self.acts)
        if m < 2 or len(shape) < 3 or shape != (len(shape) - 1,) + (m,) * (len(shape) - 1):
            raise ValueError(
                f"MatrixGame came with payoffs of shape {shape} and {m} acts; wanted (n,) + n times the "
                "number of acts, such as (2, 2, 2): MatrixGame([[[3, 0], [5, 1]], [[3, 5], [0, 1]]])"
            )

    @property
    def n_agents(self) -> int:
        return self.payoffs.shape[0]

    def channels(self):
        return {"act": Choice(self.acts, silent=len(self.acts) - 1)}

    def totals(self) -> tuple[np.ndarray, list[float]]:
        """What all earn together in one round, by joint act, and in each pure Nash equilibrium."""
        pay = np.asarray(self.payoffs, dtype=float)
        calm = [one >= one.max(axis=i, keepdims=True) - 1e-6 * np.ptp(one) for i, one in enumerate(pay)]
        total = pay.sum(axis=0)
        return total, total[np.all(calm, axis=0)].tolist()

    def card(self):
        n, ticks = self.n_agents, self.horizon
        pay, (total, nash) = np.asarray(self.payoffs, dtype=float), self.totals()
        people, represents = one_each([f"player {i}" for i in range(n)])
        low, high = (ticks * edge(pay.reshape(n, -1), axis=1) for edge in (np.min, np.max))
        best = total.max()
        worst = min(nash, default=best) if min(nash, default=best) < best else total.mean()
        oracle = Unknown("every outcome has the same total: there is no joint task")
        if worst < best:
            oracle = Oracle(
                best=float(ticks * best),
                worst=float(ticks * worst),
                certificate="exact",
                nash=float(ticks * min(nash)) if nash else None,
                cooperative=float(ticks * total[(0,) * n]),
            )
        return Card(
            title=self.title,
            citation=self.citation,
            setting="competitive" if np.ptp(total) <= 1e-6 * np.abs(pay).max() else "mixed",
            objective="points of all players together",
            stakeholders=tuple(
                type(p)(p.name, float(a), float(b)) for p, a, b in zip(people, low, high, strict=True)
            ),
            represents=represents,
            oracle=oracle,
        )

    def init(self, key):
        return Round(jnp.zeros(self.n_agents, jnp.int32), jnp.array(False))

    def cooperativeness(self, act: Int[Array, "*s"]) -> Float[Array, "*s"]:
        """1 for act 0, down to 0 for the last act."""
        return 1.0 - act.astype(jnp.float32) / (len(self.acts) - 1)

    def step(self, state, actions, key):
        act = actions["act"]
        cooperated = self.cooperativeness(act)
        events = {"cooperated": cooperated, "excess": 1.0 - cooperated}
        return Round(act, jnp.array(True)), Outcome(pay=self.payoffs[(slice(None), *act)], events=events)

    def observe(self, state):
        n = self.n_agents
        rest = np.array([[(i + j) % n for j in range(1, n)] for i in range(n)])
        did = jnp.where(state.started, self.cooperativeness(state.act), 0.0)
        paid = jnp.where(state.started, self.payoffs[(slice(None), *state.act)], 0.0)
        facts = {
            "started": jnp.broadcast_to(state.started.astype(jnp.float32), (n,)),
            "own": state.act,
            "others": state.act[rest],
            "did": did,
            "share": did[rest].mean(axis=1),
            "paid": jnp.concatenate([paid[:, None], paid[rest]], axis=1),
        }
        return Sight(facts | ({"other": facts["others"][:, 0]} if n == 2 else {}))

    def brief(self, agent):
        n, pay = self.n_agents, np.asarray(self.payoffs)
        order = [(agent + j) % n for j in range(n)]
        rows = [f"You are player {agent} of {n}. Each round all choose at once among {', '.join(self.acts)}."]
        rows.append(f"Points, in the order you{''.join(f', player {j}' for j in order[1:])}:")
        for joint in product(range(len(self.acts)), repeat=n):
            at = tuple(joint[order.index(j)] for j in range(n))
            said = ", ".join(self.acts[a] for a in joint)
            rows.append(f"- {said}: {', '.join(f'{pay[(j, *at)]:g}' for j in order)}")
        return "\n".join(rows)

    def tell(self, sight):
        if not sight.started:
            return "This is the first round."
        acts = [self.acts[int(a)] for a in [sight["own"], *sight["others"]]]
        points = [f"{float(x):g}" for x in sight["paid"]]
        rest = "; ".join(f"{a}, {x} points" for a, x in zip(acts[1:], points[1:], strict=True))
        return f"Last round you played {acts[0]} for {points[0]} points; the others, in order: {rest}."


def _symmetric(row, acts: tuple[str, ...], horizon: int, title: str, source: str) -> MatrixGame:
    """A symmetric game of two players from the row player's points."""
    row = jnp.asarray(np.asarray(row, dtype=np.float32))
    return MatrixGame(jnp.stack([row, row.T]), acts, horizon, title, source)


def prisoners_dilemma(temptation=5.0, reward=3.0, punishment=1.0, sucker=0.0, horizon=10) -> MatrixGame:
    """T > R > P > S and 2R > T + S. Source: Rapoport and Chammah 1965; points of Axelrod 1980."""
    row = [[reward, sucker], [temptation, punishment]]
    source = "Rapoport and Chammah 1965; Axelrod 1980"
    return _symmetric(row, ("cooperate", "defect"), horizon, "Prisoner's dilemma", source)


def donation_game(benefit=3.0, cost=1.0, horizon=10) -> MatrixGame:
    """Pay `cost` so that the other gets `benefit`. Source: Nowak 2006, Science 314:1560."""
    row = [[benefit - cost, -cost], [benefit, 0.0]]
    return _symmetric(row, ("give", "keep"), horizon, "Donation game", "Nowak 2006, Science 314:1560")


def stag_hunt(stag=5.0, hare=3.0, alone=0.0, horizon=10) -> MatrixGame:
    """Together for the stag, or a safe hare. Source: Rousseau 1755; Skyrms 2004; points of CoopEval."""
    row, source = [[stag, alone], [hare, hare]], "Skyrms 2004, The Stag Hunt; Rousseau 1755"
    return _symmetric(row, ("stag", "hare"), horizon, "Stag hunt", source)


def hawk_dove(prize=2.0, injury=4.0, horizon=10) -> MatrixGame:
    """Share a prize or fight for it. Source: Maynard Smith and Price 1973, Nature 246:15."""
    row = [[prize / 2, 0.0], [prize, (prize - injury) / 2]]
    return _symmetric(row, ("dove", "hawk"), horizon, "Hawk-dove", "Maynard Smith and Price 1973")


def chicken(horizon=10) -> MatrixGame:
    """Swerve or drive on; both driving on is the worst. Source: Rapoport and Chammah 1966."""
    row = [[3.0, 1.0], [4.0, 0.0]]
    return _symmetric(row, ("swerve", "drive on"), horizon, "Chicken", "Rapoport and Chammah 1966")


def coordination(same=1.0, different=0.0, horizon=10) -> MatrixGame:
    """Be alike, no matter how. Source: Schelling 1960, The Strategy of Conflict."""
    row = [[same, different], [different, same]]
    return _symmetric(row, ("left", "right"), horizon, "Coordination", "Schelling 1960")


def harmony(horizon=10) -> MatrixGame:
    """Cooperation is best whatever the other does. Source: Licht 1999, Games 2 by 2."""
    row = [[3.0, 2.0], [1.0, 0.0]]
    return _symmetric(row, ("cooperate", "defect"), horizon, "Harmony", "Licht 1999")


def deadlock(horizon=10) -> MatrixGame:
    """Both prefer both defecting. Source: Oye 1985, World Politics 38:1."""
    row = [[1.0, 0.0], [3.0, 2.0]]
    return _symmetric(row, ("cooperate", "defect"), horizon, "Deadlock", "Oye 1985, World Politics 38:1")


def travelers_dilemma(low=2, high=5, bonus=2.0, horizon=10) -> MatrixGame:
    """Claims from `high` to `low`: the lower one is paid, plus or minus `bonus`. Source: Basu 1994."""
    claims = np.arange(high, low - 1, -1)
    mine, other = claims[:, None], claims[None, :]
    row = np.minimum(mine, other) + bonus * np.sign(other - mine)
    names = tuple(f"claim {c}" for c in claims)
    return _symmetric(row, names, horizon, "Traveler's dilemma", "Basu 1994, AER 84:391")


def battle_of_the_sexes(horizon=10) -> MatrixGame:
    """Together is better, but where? Source: Luce and Raiffa 1957, Games and Decisions."""
    pay = [[[3.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [0.0, 3.0]]]
    return MatrixGame(pay, ("opera", "boxing"), horizon, "Battle of the sexes", "Luce and Raiffa 1957")


def matching_pennies(horizon=10) -> MatrixGame:
    """The first player wants a match, the second none. Source: von Neumann 1928."""
    pay = [[[1.0, -1.0], [-1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]]]
    return MatrixGame(pay, ("heads", "tails"), horizon, "Matching pennies", "von Neumann 1928")


def trust_game(horizon=10) -> MatrixGame:
    """Trust and be trusted, both at once. Source: Berg, Dickhaut, McCabe 1995; points of CoopEval."""
    pay = [[[10.0, 0.0], [6.0, 4.0]], [[10.0, 20.0], [2.0, 4.0]]]
    source = "Berg, Dickhaut and McCabe 1995; CoopEval, arXiv 2604.15267"
    return MatrixGame(pay, ("give", "keep"), horizon, "Trust game", source)


def volunteers_dilemma(n_agents=3, benefit=2.0, cost=1.0, horizon=10) -> MatrixGame:
    """One volunteer is enough and pays the cost. Source: Diekmann 1985, J. Conflict Resolution 29:605."""
    joint = np.indices((2,) * n_agents)
    helped = (joint == 0).any(axis=0)
    pay = (benefit * helped - cost * (joint == 0)).astype(np.float32)
    return MatrixGame(
        jnp.asarray(pay), ("volunteer", "wait"), horizon, "Volunteer's dilemma", "Diekmann 1985"
    )
