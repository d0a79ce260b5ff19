"""One learner line in four situations: it trains in each, with and without a rule, beside other minds."""

import numpy as np
import pytest

import commonweal as cw
from commonweal.minds import MLP, PPO, Learner, OneOf, always_cooperate, always_defect
from commonweal.scenarios.matrix_game import prisoners_dilemma
from commonweal.studies.side_by_side import cases, study, surrogates

QUICK = Learner(PPO(minibatches=1), MLP(width=8, depth=1), updates=2, worlds=4)


@pytest.mark.slow
def test_a_surrogate_acts_as_often_as_its_seat_did():
    half = OneOf((always_cooperate(), always_defect()))
    recorded = cw.Society(prisoners_dilemma(horizon=4), [half, always_defect()])
    first, second = surrogates(recorded, worlds=200)
    share = cw.run(recorded, 200).act["act"][:, :, 0].mean()
    assert np.asarray(first.table[0]) == pytest.approx([1 - share, share], abs=0.01)
    assert np.asarray(second.table[0])[1] > 0.99


@pytest.mark.slow
@pytest.mark.parametrize("name", list(cases()))
def test_the_same_line_trains_in_every_situation_with_and_without_a_rule(name, tmp_path):
    results = study(name, QUICK, worlds=4).run(tmp_path, progress=False)
    assert results is not None
    learned = [row for row in results.as_dict()["conditions"] if "learner" in str(row)]
    assert learned
    trained = sorted(p.parent.name for p in (tmp_path / "minds").glob("*/curve"))
    assert len(trained) == 2 * 4  # once a training run of each condition; 4 worlds judge 4 of 5
