"""Social choice: seven rules that turn scores into a winner, and the vote that binds to it."""

from typing import Any, Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._bounds import refusal
from .._channel import Amount, check_channels
from .._governed import Institution, Settlement
from .._param import count, param, text

Rule = Literal["plurality", "approval", "borda", "copeland", "utilitarian", "nash", "maximin"]
SLACK = 1e-6  # merits closer than this are tied


def elect(scores: Float[Array, "m v"], rule: str) -> Int[Array, ""]:
    """The winning candidate; rows are candidates, columns voters, scores from 0 to 1.

    A tie goes to the larger total score, then to the first. A voter who scores two candidates alike
    ranks the later one higher. `approval` approves from .6; `nash` is the product of scores.
    Source: Borda 1784, Nash 1950, Copeland 1951, Brams and Fishburn 1978; how ties break is an assumption.

    Raises:
        ValueError: the rule is not one of the seven.
    """
    u = jnp.asarray(scores).astype(jnp.float32)
    m = len(u)
    one, other = u[:, None], u[None]
    later = jnp.tri(m, k=-1, dtype=bool)[..., None]
    rank = ((one > other) | (one == other) & later).sum(1)  # how many the voter likes less
    wins = (one > other + SLACK).sum(2)  # voters who prefer row to column
    merits = {
        "plurality": (rank == m - 1).sum(1),
        "approval": (u >= 0.6).sum(1),
        "borda": rank.sum(1),
        "copeland": (wins > wins.T).sum(1),
        "utilitarian": u.sum(1),
        "nash": jnp.log(u + 1e-9).sum(1),
        "maximin": u.min(1),
    }
    if rule not in merits:
        raise ValueError(f"voting rule {rule!r} is not one of {list(merits)}: Vote(slate, rule='borda')")
    merit = merits[rule].astype(jnp.float32)
    best = merit >= merit.max() - SLACK
    return jnp.argmax(jnp.where(best, u.sum(1), -jnp.inf)).astype(jnp.int32)


def _frozen(slate: Any) -> tuple:
    """The slate as nested tuples: (label, ((channel, (least, most)), ...))."""
    try:
        return tuple(
            (label, tuple((channel, (float(a), float(b))) for channel, (a, b) in dict(bounds).items()))
            for label, bounds in dict(slate).items()
        )
    except (TypeError, ValueError):
        wanted = "bounds by channel for each candidate"
        example = {"free": {}, "capped": {"take": (0.0, 10.0)}}
        raise TypeError(refusal("Vote", "slate", slate, wanted, example)) from None


class Vote(Institution):
    """In the first tick all agents score candidate rules; the winner binds everyone from the second on.

    - `slate`: label -> {channel: (least, most)}, bounds on executed acts; equal bounds fix the act.
    - `rule`: one of the seven of `elect`.
    - `delegate`: scores [candidates] or [candidates, delegates] cast for those whom no agent represents.

    Scores are `Amount` channels `score:<label>` (0 to 1), open in the first tick only. The gate could
    bind in that same tick, but acts and scores are chosen at once: it would overrule acts chosen before
    the rule existed. So the first tick is played without it. The winner is shown as `<name>:winner`
    (its position; the number of candidates while there is none). Budget: balanced (moves no payoffs).
    Predicted: the electorate matters more than the rule. Known failure: every rule lets a majority
    harm whoever has no vote; a delegate mends it under Borda, Nash and utilitarian rules, not under
    plurality (our own exact game of earthquake relief, `scenarios.Earthquake`). Exaggerated scores pay
    (Gibbard 1973, Satterthwaite 1975).
    """

    slate: tuple = eqx.field(static=True, converter=_frozen)
    rule: Rule = text("borda")
    delegate: Float[Array, "m ..."] | None = param(None)
    name: str = text("vote")
    told: bool = count(True)

    def __check_init__(self):
        m = len(self.slate)
        if m < 2 or (self.delegate is not None and self.delegate.shape[:1] != (m,)):
            came = None if self.delegate is None else self.delegate.shape
            raise ValueError(
                f"Vote came with {m} candidates and delegate scores of shape {came}; wanted two candidates "
                "or more and one score for each: Vote({'a': {...}, 'b': {...}}, delegate=[1.0, 0.0])"
            )

    def fits(self, scenario):
        check_channels(scenario.channels(), list(self._limits()), f"institution {self.name!r}")

    def _ballot(self) -> dict[str, Amount]:
        return {f"score:{label}": Amount(jnp.float32(1.0), unit="points") for label, _ in self.slate}

    def _limits(self) -> dict[str, Float[Array, "m+1 2"]]:
        """Bounds by channel and candidate; the last row, for no winner, is open."""
        free = (-jnp.inf, jnp.inf)
        rows = [*(dict(bounds) for _, bounds in self.slate), {}]
        return {c: jnp.array([row.get(c, free) for row in rows]) for row in rows for c in row}

    def channels(self, scenario):
        return self._ballot()

    def init(self, scenario, key):
        return jnp.array(True), jnp.int32(len(self.slate))  # is the vote open, and who has won

    def view(self, memory, sights):
        still, winner = memory
        for name, points in self._ballot().items():
            n = len(sights.legal[name])
            sights = sights.restrict(points, name, jnp.where(still, points.everything(n), points.nothing(n)))
        return sights.tell(**{f"{self.name}:winner": jnp.broadcast_to(winner, (n,))})

    def gate(self, memory, state, actions, key):
        bound = {}
        for channel, limits in self._limits().items():
            least, most = limits[memory[1]]
            act = actions[channel]
            bound[channel] = jnp.clip(act.astype(jnp.float32), least, most).astype(act.dtype)
        return actions | bound

    def settle(self, memory, transition, book, key):
        scores = jnp.stack([transition.act[name] for name in self._ballot()])
        if self.delegate is not None:
            scores = jnp.concatenate([scores, self.delegate.reshape(len(scores), -1)], axis=1)
        winner = jnp.where(memory[0], elect(scores, self.rule), memory[1])
        return Settlement((jnp.array(False), winner), jnp.zeros_like(book))

    def brief(self, agent):
        rules = "; ".join(
            f"{label}: " + ", ".join(f"{c} from {a:g} to {b:g}" for c, (a, b) in bounds)
            for label, bounds in self.slate
        )
        return (
            f"In the first round everyone scores these rules from 0 to 1 ({rules}). The {self.rule} winner "
            "binds everyone from the second round on."
        )

    def tell(self, sight):
        labels = [label for label, _ in self.slate]
        winner = int(sight[f"{self.name}:winner"])
        return f"The vote chose {labels[winner]!r}." if winner < len(labels) else "The vote is open."
