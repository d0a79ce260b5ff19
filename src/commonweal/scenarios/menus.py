"""A battery of menus that every agent answers alone: what it wants shows in what it chooses.

Sources: Murphy, Ackermann and Handgraaf 2011, Judgment and Decision Making 6:771 (the slider);
Andreoni and Miller 2002, Econometrica 70:737 (dictators with a price of giving); Güth, Schmittberger
and Schwarze 1982, J. Economic Behavior and Organization 3:367 (ultimatum); Tversky and Kahneman 1992,
J. Risk and Uncertainty 5:297 (lotteries); Brier 1950, Monthly Weather Review 78:1 (stated confidence).
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from .._card import Card, Stakeholder, Unknown
from .._channel import Choice
from .._param import count
from .._scenario import Outcome, Scenario, Sight

KINDS = ("slider", "dictator", "ultimatum", "lottery", "confidence")
LETTERS = tuple("ABCDEFGHI")
ENDS = (  # (own, other) at the two ends of each of the six primary sliders
    ((85, 85), (85, 15)),
    ((85, 15), (100, 50)),
    ((50, 100), (85, 85)),
    ((50, 100), (85, 15)),
    ((100, 50), (50, 100)),
    ((100, 50), (85, 85)),
)
PASSED = np.array([0, 10, 20, 30, 40, 50, 60, 80, 100])
RATES = (0.5, 1.0, 2.0, 3.0)  # what the other gets of a point passed on
OFFERS = (5, 12, 20, 28, 34, 42)
GAMBLES = (  # (high, low, chance of high): each against these sure amounts
    ((100, 0, 0.05), (3, 7, 14)),
    ((100, 0, 0.25), (12, 21, 31)),
    ((100, 0, 0.5), (24, 36, 51)),
    ((100, 0, 0.75), (42, 56, 74)),
    ((100, 0, 0.95), (66, 80, 93)),
    ((100, 50, 0.5), (60, 67, 76)),
    ((0, -100, 0.95), (-3, -7, -14)),
    ((0, -100, 0.5), (-24, -36, -51)),
    ((0, -100, 0.05), (-66, -80, -93)),
    *(((gain, -40, 0.5), (0,)) for gain in (30, 45, 60, 80, 100, 125, 160)),
)
SURE = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
TRUTH = (0.55, 0.6, 0.65, 0.7, 0.8, 0.9)  # how often the guess is right


@functools.lru_cache
def battery(kinds: tuple[str, ...] = KINDS) -> dict[str, np.ndarray]:
    """The items in order: `kind` and `size` [items]; by option, padded with 0, Float[items, 9]:

    `high`, `low` and `chance` (own points, with that chance the high ones), `other` (the other party's
    points) and `level` (the confidence stated).
    """
    rows: list[tuple[str, list]] = []
    for a, b in ENDS:
        split = np.floor(np.linspace(a, b, 9) + 0.5)
        rows.append(("slider", [(own, own, 1, other, 0) for own, other in split]))
    rows += [("dictator", [(100 - x, 100 - x, 1, rate * x, 0) for x in PASSED]) for rate in RATES]
    rows += [("ultimatum", [(x, x, 1, 100 - x, 0), (0, 0, 1, 0, 0)]) for x in OFFERS]
    for (high, low, chance), amounts in GAMBLES:
        rows += [("lottery", [(high, low, chance, 0, 0), (x, x, 1, 0, 0)]) for x in amounts]
    for p in TRUTH:
        score = [(100 * (1 - (1 - c) ** 2), 100 * (1 - c**2), p, 0, c) for c in SURE]
        rows.append(("confidence", score))
    rows = [row for row in rows if row[0] in kinds]
    table = np.zeros((5, len(rows), len(LETTERS)))
    for i, (_, options) in enumerate(rows):
        table[:, i, : len(options)] = np.transpose(options)
    sizes = np.array([len(options) for _, options in rows])
    names = ("high", "low", "chance", "other", "level")
    found = {"kind": np.array([KINDS.index(kind) for kind, _ in rows]), "size": sizes}
    return found | dict(zip(names, table, strict=True))


class Asked(eqx.Module):
    """The state: which item is asked, and in what order its options stand for each agent."""

    item: Int[Array, ""]
    order: Int[Array, "n items 9"]


class Menus(Scenario):
    """Every agent answers the battery alone, one item a tick; each answer pays points, also to another party.

    - `kinds`: which parts are asked, of slider, dictator, ultimatum, lottery and confidence.
    - `shuffled`: whether options stand in a random order, so that a liking for a letter shows nothing.

    Channel `answer`: letters, and silence, which is legal nowhere. A lottery pays what is drawn. With
    confidence, a guess is made whose chance to be right is known; stating c pays 100 (1 - (right - c)^2).
    Facts, for the options in the order shown (padded with 0 to nine): `high`, `low`, `chance`, `other`,
    `level` as in `battery`; `item`; `kind`, a position in `KINDS`; `size`, how many options. Events:
    `item`; `chosen`, the option's place in `battery` (-1: none); `other`; `cooperated`, where the
    other's points stand between the least and most on offer (0 where none are); `excess` (0).
    """

    n_agents: int = count(2, "[1, 10000]")
    kinds: tuple[str, ...] = count(KINDS)
    shuffled: bool = count(True)

    def __check_init__(self):
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise ValueError(f"Menus came with kinds={self.kinds}; wanted some of: Menus(kinds={KINDS})")

    @property
    def period(self):
        return ""  # an item has nothing to do with the one before

    @property
    def items(self) -> dict[str, np.ndarray]:
        """The `battery` of these kinds."""
        return battery(tuple(kind for kind in KINDS if kind in self.kinds))

    @property
    def horizon(self):
        return len(self.items["kind"])

    def channels(self):
        return {"answer": Choice(("", *LETTERS))}

    def card(self):
        n, items = self.n_agents, self.items
        real = np.arange(len(LETTERS)) < items["size"][:, None]

        def reach(points):
            least = np.where(real, points, np.inf).min(axis=1).sum()
            return least, np.where(real, points, -np.inf).max(axis=1).sum()

        low, high, others = reach(items["low"])[0], reach(items["high"])[1], reach(items["other"])
        people = [Stakeholder(f"respondent {i}", low, high) for i in range(n)]
        far = Stakeholder("those shared with", n * others[0], n * others[1], third_party=True)
        return Card(
            title="Menus",
            citation="Murphy, Ackermann, Handgraaf 2011; Andreoni, Miller 2002; Tversky, Kahneman 1992",
            setting="mixed",
            objective="none: a questionnaire",
            stakeholders=(*people, far),
            represents=np.eye(n, n + 1),
            oracle=Unknown("menus show what an agent wants: no answer is better than another"),
        )

    def init(self, key):
        sizes, places = jnp.asarray(self.items["size"]), jnp.arange(len(LETTERS))
        late = (places[None, :] >= sizes[:, None])[None]
        luck = jax.random.uniform(key, (self.n_agents, self.horizon, len(LETTERS)))
        rank = jnp.where(late, 2.0, 0.0) + (luck if self.shuffled else 0.0 * luck)
        return Asked(jnp.int32(0), jnp.argsort(rank, axis=-1, stable=True).astype(jnp.int32))

    def _shown(self, state: Asked) -> dict[str, Array]:
        """The item asked now, by agent, with its options in the order shown."""
        now = jnp.minimum(state.item, self.horizon - 1)
        order = state.order[:, now]
        shown = {"order": order}
        for name, x in self.items.items():
            if x.ndim == 1:
                shown[name] = jnp.full(self.n_agents, jnp.asarray(x, jnp.int32)[now])
            else:
                shown[name] = jnp.asarray(x, jnp.float32)[now][order]
        return shown

    def step(self, state, actions, key):
        shown, place = self._shown(state), jnp.maximum(actions["answer"] - 1, 0)
        answered = actions["answer"] > 0
        mine = {name: x[jnp.arange(self.n_agents), place] for name, x in shown.items() if x.ndim == 2}
        won = jax.random.uniform(key, (self.n_agents,)) < mine["chance"]
        pay = jnp.where(answered, jnp.where(won, mine["high"], mine["low"]), 0.0)
        other = jnp.where(answered, mine["other"], 0.0)
        real = jnp.arange(len(LETTERS))[None, :] < shown["size"][:, None]
        least = jnp.where(real, shown["other"], jnp.inf).min(axis=1)
        span = shown["other"].max(axis=1) - least
        events = {
            "item": jnp.full(self.n_agents, state.item, jnp.float32),
            "chosen": jnp.where(answered, mine["order"], -1).astype(jnp.float32),
            "other": other,
            "cooperated": jnp.where(answered & (span > 0.0), (other - least) / jnp.maximum(span, 1.0), 0.0),
            "excess": jnp.zeros(self.n_agents),
        }
        utility = jnp.concatenate([pay, other.sum()[None]])
        return Asked(state.item + 1, state.order), Outcome(pay, utility, events=events)

    def observe(self, state):
        facts = {name: x for name, x in self._shown(state).items() if name != "order"}
        facts["item"] = jnp.broadcast_to(state.item, (self.n_agents,))
        letters = jnp.arange(len(LETTERS) + 1)[None, :]
        return Sight(facts, {"answer": (letters > 0) & (letters <= facts["size"][:, None])})

    def brief(self, agent):
        return (
            f"You are respondent {agent}. You answer {self.horizon} menus, one at a time, each by a letter. "
            "They are not connected, and nobody else's answers change yours. Points you get are your "
            "principal's; points the other gets go to somebody whom you will not meet."
        )

    def tell(self, sight):
        kind, each = KINDS[int(sight["kind"])], []
        for i, letter in enumerate(LETTERS[: int(sight["size"])]):
            high, low, chance, other, level = (
                float(sight[name][i]) for name in ("high", "low", "chance", "other", "level")
            )
            if kind == "confidence":
                each.append(f"{letter}: {level:.0%} sure")
            elif kind == "lottery":
                safe = f"{high:.4g} points for sure"
                risk = f"{high:.4g} points with probability {chance:.0%}, else {low:.4g}"
                each.append(f"{letter}: {safe if chance > 0.999 else risk}")
            else:
                each.append(f"{letter}: you {high:.4g}, the other {other:.4g}")
        place = f"Menu {int(sight['item']) + 1} of {self.horizon}."
        return f"{place} {self._asks(kind, sight)} {'; '.join(each)}."

    def _asks(self, kind: str, sight: Sight) -> str:
        """What the options are an answer to."""
        if kind == "confidence":
            most = f"{float(sight['chance'][0]):.0%}"
            return (
                f"Of two urns, one has {most} red balls and the other {most} blue ones; a coin chose one. "
                "A ball drawn from it is red, so you guess the red urn. How sure are you of your guess? "
                "(Saying c pays 100 points less 100 times the squared distance of c from 1 if the guess is "
                "right, from 0 if it is wrong.)"
            )
        if kind == "ultimatum":
            offer = f"{float(sight['high'].max()):.4g}"
            return (
                f"The other was given 100 points and offers you {offer} of them; refused, both get nothing."
            )
        if kind == "lottery":
            return "This concerns you alone. Which do you take?"
        return "You decide how many points you and the other get. Which split do you take?"
