"""Channels: what is legal, what silence is, and words that read back as the act they name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commonweal as cw

VOTE = cw.Choice(("abstain", "yes", "no"))


def test_a_choice_clips_what_is_not_legal_to_silence():
    legal = jnp.array([[True, True, True], [True, False, True]])
    assert VOTE.clip(jnp.array([1, 1]), legal).tolist() == [1, 0]
    assert VOTE.allowed(jnp.array([1, 1]), legal).tolist() == [True, False]
    assert not VOTE.allowed(jnp.array([3, -1]), jnp.ones((2, 3), bool)).any()


def test_an_amount_clips_to_the_most_allowed_and_refuses_nan():
    amount = cw.Amount(10.0, unit="tonnes")
    assert amount.clip(jnp.array([12.0, -1.0, 3.0]), jnp.array([10.0, 10.0, 2.0])).tolist() == [
        10.0,
        0.0,
        2.0,
    ]
    assert amount.allowed(jnp.array([jnp.nan, 10.0, 10.5]), amount.everything(3)).tolist() == [
        False,
        True,
        False,
    ]


def test_nobody_is_a_target_and_the_silent_one():
    target = cw.Target(3)
    assert target.options[-1] == "nobody" and int(target.silence) == 3
    assert target.parse("agent 1", np.ones(4, bool)) == 1


@pytest.mark.parametrize("channel", [cw.Amount(10.0, lever=True), cw.Choice(("off", "on"), lever=True)])
def test_a_lever_has_no_legal_act_but_silence(channel):
    assert (channel.everything(2) == channel.nothing(2)).all()


def test_free_words_are_legal_only_where_speech_is():
    say = cw.Words(("help",))
    free = jnp.array([2, 2])
    legal = jnp.stack([say.everything(1)[0], say.nothing(1)[0]])
    assert say.allowed(free, legal).tolist() == [True, False]


@given(st.integers(0, 2), st.floats(0.0, 10.0, width=32))
def test_what_is_rendered_is_read_back(option, amount):
    assert VOTE.parse(VOTE.render(option), np.ones(3, bool)) == option
    channel = cw.Amount(10.0)
    assert channel.parse(channel.render(amount), np.float32(10.1)) == pytest.approx(
        amount, rel=1e-4, abs=1e-4
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_samples_are_legal(seed):
    legal = jnp.array([[True, False, True], [False, True, False]])
    for channel, mask in ((VOTE, legal), (cw.Amount(5.0), jnp.array([0.0, 2.0]))):
        assert channel.allowed(channel.sample(jax.random.key(seed), mask), mask).all()


@pytest.mark.parametrize("said", ["perhaps", "", "yes no", "YES!"])
def test_a_reply_that_names_no_act_is_refused_with_the_legal_ones(said):
    with pytest.raises(ValueError, match="not a legal act; wanted one of: abstain, yes, no"):
        VOTE.parse(said, np.ones(3, bool))


@pytest.mark.parametrize("said", ["11", "-1", "between 3 and 4", "nothing"])
def test_an_amount_out_of_range_or_ambiguous_is_refused(said):
    with pytest.raises(ValueError, match="wanted a number from 0 to 10 units"):
        cw.Amount(10.0).parse(said, np.float32(10.0))


def test_options_must_be_distinct():
    with pytest.raises(ValueError, match=r"wanted distinct names .* cw.Choice"):
        cw.Choice(("a", "a"))


@pytest.mark.parametrize(("said", "amount"), [(".5", 0.5), ("0.7", 0.7), ("+3", 3.0), ("1e-1", 0.1)])
def test_amounts_are_read_as_written(said, amount):
    channel = cw.Amount(0.7 if said == "0.7" else 10.0)
    assert channel.parse(said, np.asarray(channel.everything(1))[0]) == pytest.approx(amount)


def test_a_negative_fraction_is_not_read_as_positive():
    with pytest.raises(ValueError, match="wanted a number from 0 to 10"):
        cw.Amount(10.0).parse("-.5", np.float32(10.0))


def test_what_is_offered_is_accepted():
    named = cw.Choice(("", "M", "Q"))
    assert named.describe(np.ones(3, bool)) == "one of: (silence), M, Q"
    assert named.parse("(silence)", np.ones(3, bool)) == 0


def test_speech_without_a_phrasebook_is_free_speech():
    say = cw.Words()
    assert (
        say.everything(1).tolist() == [[True, True]]
        and say.describe(np.ones(2, bool)) == "your words, or nothing"
    )
    assert say.render(5) == "(words)"


def test_where_silence_is_not_legal_the_first_legal_act_stands_in():
    legal = jnp.array([[False, True, True]])
    assert VOTE.clip(jnp.array([0]), legal).tolist() == [1]
