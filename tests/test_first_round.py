"""What agents are told of earlier rounds: nothing in the first round, and something in the second."""

import json
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_shelves import QUICK, SCENARIOS, laws

import commonweal as cw
from commonweal._channel import named_key
from commonweal._governed import under
from commonweal._luck import seeded
from commonweal.institutions import Commitment, PeerSanction, PublicLedger
from commonweal.scenarios import Commons, Earthquake, Menus
from commonweal.scenarios.matrix_game import prisoners_dilemma

# Words for what was; "this is the first round" and what the rules say will be are none.
PAST = re.compile(
    r"\b(last|latest|previous(ly)?|earlier|so far|until now|before|yesterday|ago|again|was(?! given)|were"
    r"|had|did|said|gave|spent|made|took|taken|asked|played|punished|delivered|reported|fined|earned"
    r"|thought|ledger)\b",
    re.IGNORECASE,
)
TELLING = [law for law in laws(Commons()) if type(law).tell is not cw.Institution.tell]


@eqx.filter_jit
def looks(scenario):
    """What all see in the first round and in the second, after random legal acts."""
    key = seeded(3)
    state = scenario.init(key)
    first = scenario.observe(state)
    acts = {
        name: jax.vmap(channel.sample)(jax.random.split(named_key(key, name), len(legal)), legal)
        for name, channel in scenario.channels().items()
        for legal in [first.legal[name]]
    }
    return first, scenario.observe(scenario.advance(state, acts, key).state)


def told(scenario):
    """The words of the first round and of the second, one text an agent."""
    each = [jax.tree.map(np.asarray, sights) for sights in looks(under(scenario))]
    return [
        [scenario.tell(jax.tree.map(lambda x, i=i: x[i], sights).at(t)) for i in range(scenario.n_agents)]
        for t, sights in enumerate(each)
    ]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in SCENARIOS]
)
def test_no_scenario_and_no_institution_speaks_of_a_round_that_was_not(name):
    stack = [law for law in laws(SCENARIOS[name]) if type(law) in map(type, TELLING)]
    assert len(stack) == 6
    first, second = told(under(SCENARIOS[name], *stack))
    for text in first:
        assert not PAST.search(text), text
    assert all(PAST.search(text) for text in second), second


@pytest.mark.parametrize("law", TELLING, ids=lambda law: law.name)
def test_every_institution_that_tells_is_in_the_stack(law):
    assert law.name in {"audit", "contract", "sanction", "ledger", "suspension", "vote"}


class Talkative(Commons):
    """Tells of the last catch whether or not there was one."""

    def tell(self, sight):
        return f"Last round's catch: {sight['catches']}."


def test_a_text_that_speaks_of_a_round_that_was_not_is_caught():
    first, _ = told(under(Talkative()))
    assert all(PAST.search(text) for text in first)


# ------------------------------------------------------------------------------- as speakers read it


def heard(scenario, profile=None):
    """The news of agent 0 in each tick; it always takes the first option, or the least."""
    news = []

    class Meek(cw.Speaker):
        memory = 0

        async def ask(self, prompt):
            if prompt.where.seat == 0:
                news.append(prompt.turns[-1][1].split("\nYour choices:")[0])
            parts = prompt.schema["properties"]
            legal = {name: parts[name] for name in prompt.choices}
            return cw.Said(json.dumps({n: x["enum"][0] if "enum" in x else 0 for n, x in legal.items()}))

    trace = cw.run(cw.Society(scenario, Meek(), profile), 1)
    assert trace.valid.all(), trace.invalid
    return news


def test_the_first_prompt_holds_no_past_and_the_second_does():
    first, second, *_ = heard(under(Commons(), PeerSanction(), PublicLedger(delay=2)))
    assert first == "There are 100 tonnes of fish in the lake."
    assert second.splitlines() == [
        "There are 100 tonnes of fish in the lake. Last round's tonnes taken: fisher 0: 0, fisher 1: 0, "
        "fisher 2: 0, fisher 3: 0, fisher 4: 0.",
        "Latest excess: agent 0: 0, agent 1: 0, agent 2: 0, agent 3: 0, agent 4: 0. Punished you: 4.",
        "Last round was worth -13 to you.",  # four blows of 3, and one dealt
    ]


def test_a_ledger_is_silent_until_something_is_public():
    law = PublicLedger(delay=2)
    row = cw.Sight({"ledger:excess": np.zeros(2)})
    assert [bool(law.tell(row.at(t))) for t in range(4)] == [False, False, True, True]


def test_those_who_answer_a_leader_have_no_past_in_the_first_round():
    first, *_ = heard(under(prisoners_dilemma(horizon=2), Commitment((1,))))
    assert first.splitlines() == [
        "This is the first round.",
        "Already fixed this round: agent 1 chose act = cooperate.",
    ]


def test_a_blurred_sight_makes_no_round_that_was_not():
    first, second = heard(prisoners_dilemma(horizon=2), cw.Profile(noise=1.0))
    assert first == "This is the first round." and second.startswith("Last round you played")


@pytest.mark.slow
def test_what_a_staged_scenario_calls_last_is_a_step():
    news = heard(Earthquake.full(rounds=2))
    assert not PAST.search(news[0])
    assert not any("Last round" in text for text in news)
    assert news[1].endswith("Last step was worth 0 to you.") and "Round 1 of 2" in news[1]


def test_nothing_is_told_of_the_last_where_items_have_nothing_to_do_with_each_other():
    news = heard(Menus(kinds=("ultimatum",)))
    assert len(news) > 2 and not any(PAST.search(text) for text in news), news


def test_a_sight_knows_its_past_by_its_round_and_else_by_the_fact():
    row = cw.Sight({"started": jnp.float32(0.0)})
    assert not row.started and row.at(1).started and not cw.Sight({}).at(0).started and cw.Sight({}).started
    assert row.at(2).tell(x=jnp.int32(1)).t == 2
