"""Arrays and words carry the same facts: equal rules play alike, all that an agent sees is told, no more."""

import jax.numpy as jnp
import numpy as np
import pytest
from test_shelves import SCENARIOS, laws

import commonweal as cw
from commonweal._drive import Drive
from commonweal._journal import Journal
from commonweal._speak import Observer, Talk
from commonweal.institutions import Audit, Commitment, Contract, PeerSanction, PublicLedger, Suspension, Vote
from commonweal.language import LLM
from commonweal.measures import HOLISTIC
from commonweal.minds import Constant, Random
from commonweal.scenarios import Commons

COVENANTS = (
    Audit,
    Commitment,
    Contract,
    PeerSanction,
    Suspension,
    Vote,
)  # new channels, phases, closed channels
slow = pytest.mark.slow


class Most(cw.Mind):
    """As the persona `most`: the most of every amount, the last legal option, no words of its own."""

    def act(self, memory, sight, channels, key):
        return memory, {name: self.one(c, sight.legal[name]) for name, c in channels.items() if not c.lever}

    def one(self, channel, legal):
        if isinstance(channel, cw.Amount):
            return legal
        if isinstance(channel, cw.Words):
            return jnp.where(legal[-1], 0, self.option(legal[:-1]))
        return self.option(legal)

    def option(self, legal):
        return len(legal) - 1 - jnp.argmax(legal[::-1])


class Least(Most):
    """As the persona `least`: nothing, or the first legal option."""

    def one(self, channel, legal):
        return jnp.zeros_like(legal) if isinstance(channel, cw.Amount) else super().one(channel, legal)

    def option(self, legal):
        return jnp.argmax(legal)


class Thrifty(cw.Mind):
    """As the persona `thrifty` in a commons: a tenth of the stock, in whole units."""

    def act(self, memory, sight, channels, key):
        return memory, {"take": jnp.floor(sight["stock"] / 10.0)}


def same(pure, said):
    """Choices exactly, floats to rounding, and every measure of alignment, or the same reason for none."""
    assert said.valid.all(), said.invalid
    for table in ("intent", "act", "events", "book"):
        x, y = getattr(pure, table), getattr(said, table)
        assert x.keys() == y.keys()
        for name in x:
            exact = table == "intent" or x[name].dtype.kind in "ib"
            close = np.array_equal(x[name], y[name]) if exact else np.allclose(x[name], y[name], 1e-5, 1e-4)
            assert close, (table, name)
    for name in ("utility", "objective", "harm", "alive"):
        assert np.allclose(getattr(pure, name), getattr(said, name), 1e-5, 1e-4), name
    for measure in HOLISTIC:
        found = []
        for trace in (pure, said):
            try:
                found.append(measure(trace))
            except cw.NA as reason:
                found.append(str(reason))
        assert np.shape(found[0]) == np.shape(found[1])
        assert found[0] == found[1] if isinstance(found[0], str) else np.allclose(*found, 1e-5, 1e-4, True)


def alike(scenario, mind, persona, seeds=2):
    same(
        cw.run(cw.Society(scenario, mind), seeds),
        cw.run(cw.Society(scenario, LLM(f"commonweal/rehearsal-{persona}")), seeds),
    )


QUICK = ("commons", "prisoner's dilemma", "naming game")  # the others are in the slow tier
TOLD = (*QUICK, "opinions", "harvest", "earthquake, full")


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else slow) for n in SCENARIOS])
def test_words_and_arrays_play_alike_in_every_scenario(name):
    alike(SCENARIOS[name], Most(), "most")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        pytest.param("public goods", "most", marks=slow),
        pytest.param("public goods", "least", marks=slow),
        pytest.param("commons", "most", marks=slow),
        pytest.param("commons", "least", marks=slow),
        pytest.param("prisoner's dilemma", "least", marks=slow),
    ],
)
def test_words_and_arrays_play_alike_under_institutions_that_add_acts_and_turns(name, rule):
    stack = [law for law in laws(SCENARIOS[name]) if isinstance(law, COVENANTS)]
    assert len(stack) == len(COVENANTS)
    alike(cw.under(SCENARIOS[name], *stack), {"most": Most(), "least": Least()}[rule], rule)


@pytest.mark.slow
def test_a_rule_that_reads_a_number_reads_the_same_one_in_words():
    alike(Commons(n_agents=3, horizon=6, collapse=1.0), Thrifty(), "thrifty")


def test_parity_is_not_trivial():
    with pytest.raises(AssertionError, match="intent"):
        alike(Commons(n_agents=3, horizon=6, collapse=1.0), Thrifty(), "fair")


# --------------------------------------------------------------------------------------- the facts


class Mute(cw.Speaker):
    """Only listens."""

    async def ask(self, prompt):
        raise NotImplementedError


def moments(scenario, ticks=6, seeds=1):
    """(tick, sights) of random play; of modest play in a commons, which random play ends at once."""
    mind = Constant(take=3.0) if isinstance(scenario, Commons) else Random()
    drive = Drive(cw.Society(scenario, mind))
    for seed in range(seeds):
        at, now = drive.start(seed)
        for tick in range(min(ticks, cw.under(scenario).horizon)):
            if now.over:
                break
            yield tick, now.sights
            at, _, now = drive.step(at, now.intent)


class Reader:
    """What the agents of a scenario are told, fact by fact."""

    def __init__(self, scenario):
        self.talk = Talk(cw.Society(scenario, Mute()), 0, Journal(), Observer())

    def told(self, before, agent, tick, **facts):
        """The news of one agent, with some facts replaced; None where it has no choice and hears nothing."""
        sights = cw.Sight(before.facts | facts, before.legal)
        choices = self.talk._choices(sights, {})
        if not any(free[agent] for free in choices.values()):
            return None
        try:
            return self.talk._story(sights, agent, tick, choices).news
        except (IndexError, KeyError):  # a value that cannot be, such as the color after the last
            return self.told(before, agent, tick)


def silent(scenario, ticks=6):
    """Where no change of a fact's leaf changes the text: {(fact, leaf): (its values there, told elsewhere)}.

    A leaf that is told in some moments and is one constant in all others is told.
    """
    reader, quiet, spoken = Reader(scenario), {}, set()
    for tick, sights in moments(scenario, ticks):
        for agent in range(scenario.n_agents):
            text = reader.told(sights, agent, tick)
            for name, x in sights.facts.items() if text is not None else ():
                if name == "felt" and not (tick and scenario.period):
                    continue  # before the first round, and between items, there is nothing to be felt
                for leaf in np.ndindex(x[agent].shape):
                    if any(
                        reader.told(sights, agent, tick, **{name: y}) != text
                        for y in others(x, (agent, *leaf))
                    ):
                        spoken.add((name, leaf))
                    else:
                        quiet.setdefault((name, leaf), set()).add(float(x[(agent, *leaf)]))
    return {at: values for at, values in quiet.items() if len(values) > 1 or at not in spoken}


def others(x, at):
    """The array with other values at one place, 10 % or one unit away."""
    old = x[at]
    values = [~old] if x.dtype == bool else [old * 1.1 if old else old + 1.0]
    for value in [old + 1, old - 1] if x.dtype.kind in "iu" else values:
        y = x.copy()
        y[at] = value
        yield y


def first(name):
    return lambda f: f[name][:, 0]


def cooperativeness(name, most):
    return lambda f: f["started"] * (1.0 - f[name] / most)


def begun(f):
    """The text is that of the first round in the first round only, whatever a noisy sight says."""
    return np.full(f["started"].shape, float(f["tick"] > 0))


BEGIN = ("MatrixGame", "NetworkGame", "PublicGoods", "Bertrand", "Cournot", "Opinions", "Contest")


def menu(f):
    """A menu's numbers as they follow: a stated confidence is scored by rule, elsewhere nothing is risked."""
    real, sure, stated = np.arange(9)[None] < f["size"][:, None], f["level"], (f["kind"] == 4)[:, None]
    found = {
        "high": np.where(stated, 100.0 * (1.0 - (1.0 - sure) ** 2), f["high"]),
        "low": np.where(stated, 100.0 * (1.0 - sure**2), f["high"]),
        "chance": np.where(stated, f["chance"][:, :1], 1.0),
        "other": np.where(stated, 0.0, f["other"]),
        "level": np.where(stated, sure, 0.0),
    }
    return {name: x * real for name, x in found.items()}


# Facts that the text leaves out because they follow from what it says, and how they do.
FOLLOWS = {
    ("MatrixGame", "did"): cooperativeness("own", 1),
    ("MatrixGame", "share"): lambda f: f["started"] * (1.0 - f["others"].mean(axis=1)),
    ("MatrixGame", "other"): first("others"),
    ("NetworkGame", "did"): cooperativeness("own", 1),
    ("NetworkGame", "neighbors"): lambda f: np.full(4, 3.0),  # the rules name them
    ("PublicGoods", "did"): lambda f: f["gifts"][:, 0] / 20.0,
    ("PublicGoods", "share"): lambda f: f["gifts"][:, 1:].mean(axis=1) / 20.0,
    ("NamingGame", "said_first"): lambda f: (f["said"] == 1).sum(axis=1),
    ("NamingGame", "heard_first"): lambda f: (f["heard"] == 1).sum(axis=1),
    ("NamingGame", "said_last"): lambda f: f["said"][:, -1],
    ("NamingGame", "heard_last"): lambda f: f["heard"][:, -1],
    ("NamingGame", "said_before"): lambda f: f["said"][:, -2],
    ("NamingGame", "heard_before"): lambda f: f["heard"][:, -2],
    ("Bertrand", "other"): first("others"),
    **{("Menus", x): lambda f, x=x: menu(f)[x] for x in ("high", "low", "chance", "other", "level")},
    **{(kind, "started"): begun for kind in BEGIN},
    ("Opinions", "first"): lambda f: f["first"] if f["tick"] else f["own"],
    ("Contest", "own"): first("efforts"),
    ("Contest", "others"): lambda f: f["efforts"][:, 1:].mean(axis=1),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in TOLD else slow) for n in SCENARIOS])
def test_every_fact_is_told_or_follows_from_what_is(name):
    scenario = SCENARIOS[name]
    kind = type(scenario).__name__
    ticks = 20 if name in ("naming game", "menus") else 6  # until all that there is has happened
    left = {fact for fact, _ in silent(scenario, ticks)}
    assert {(kind, fact) for fact in left} <= set(FOLLOWS), left
    for tick, sights in moments(scenario, ticks):
        for fact in left:
            assert np.allclose(sights.facts[fact], FOLLOWS[kind, fact](sights.facts | {"tick": tick})), fact


@pytest.mark.slow
def test_every_fact_that_institutions_add_is_told():
    game = SCENARIOS["public goods"]
    stack = [law for law in laws(game) if isinstance(law, (*COVENANTS, PublicLedger))]
    scenario = cw.under(game, *stack)
    for (fact, _), values in silent(scenario, ticks=4).items():
        shown = scenario.channels().get(fact.removeprefix("shown:"))
        if shown is not None:  # the act of somebody whose turn has not come, and nothing is said of
            assert values == {float(shown.silence)}, fact
        else:
            assert ("PublicGoods", fact) in FOLLOWS, fact


class Reticent(Commons):
    """Keeps the catches of the second agent to itself."""

    def tell(self, sight):
        return f"There are {sight['stock']:g} tonnes; fisher 0 caught {sight['catches'][0]:g}."


@pytest.mark.slow
def test_an_omitted_fact_is_found():
    assert {at for at in silent(Reticent(n_agents=2))} == {("catches", (1,))}


@pytest.mark.parametrize("name", ["commons", "contest", "earthquake, full", "harvest", "naming game"])
def test_nothing_of_the_others_is_told(name):
    scenario, changed = SCENARIOS[name], 0
    reader = Reader(scenario)
    for tick, sights in moments(scenario):
        for agent in range(scenario.n_agents):
            mine = np.arange(scenario.n_agents) == agent
            for fact, x in sights.facts.items():
                own = mine.reshape(-1, *[1] * (x.ndim - 1))
                y = np.where(own, x, ~x if x.dtype == bool else np.roll(x, 1, axis=0) + 1).astype(x.dtype)
                changed += 1
                assert reader.told(sights, agent, tick, **{fact: y}) == reader.told(sights, agent, tick)
    assert changed >= 10
