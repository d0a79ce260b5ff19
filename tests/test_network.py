"""The real network path: an OpenAI-compatible server on the loopback, and a local transformer."""

import json
import urllib.request

import numpy as np
import pytest
from loopback import running

import commonweal as cw
from commonweal.language import LLM
from commonweal.minds.commons import FairShare
from commonweal.scenarios import Commons

LAKE = Commons(n_agents=3, horizon=2, assignment="proportional")


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("LOOPBACK_API_KEY", "none")


def model(url, **more):
    return LLM("openai-api/loopback/any", args={"base_url": url}, **more)


def seen(url):
    with urllib.request.urlopen(url.removesuffix("/v1"), timeout=5) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_a_society_over_http_is_the_society_without():
    with running(persona="fair", delay=0.2) as url:
        there = cw.run(cw.Society(LAKE, [model(url), model(url), FairShare()]), 2)
        assert seen(url) == {"made": 8, "answered": 8, "most": 4}  # both agents of both worlds at once
    here = cw.run(cw.Society(LAKE, [LLM("commonweal/rehearsal-fair")] * 2 + [FairShare()]), 2)
    assert there.valid.all() and np.array_equal(there.act["take"], here.act["take"])
    assert there.replies["text"].equals(here.replies["text"])
    assert there.replies["read"].min() > 100 and there.replies["written"].min() > 0


@pytest.mark.parametrize(
    "trouble",
    [
        "busy,reset,broken,garbage",
        *(pytest.param(x, marks=pytest.mark.slow) for x in ("busy", "reset", "broken", "garbage")),
    ],
)
def test_trouble_on_the_way_is_retried_and_leaves_no_mark(trouble):
    with running(persona="fair", trouble=trouble) as url:
        voice = model(url, config={"max_retries": 8}, attempts=4)
        trace = cw.run(cw.Society(LAKE, [voice, FairShare(), FairShare()]))
        assert trace.invalid == ("",) and trace.replies.height == 2
        assert seen(url)["answered"] == 2 and seen(url)["made"] > 2


@pytest.mark.slow
def test_a_filter_is_a_refusal_and_a_dead_server_is_missing_data():
    with running(persona="filtered") as url:
        trace = cw.run(cw.Society(LAKE, [model(url), FairShare(), FairShare()]))
        assert trace.invalid == ("",) and trace.refused[0, :, 0].all()
    dead = model(url, config={"max_retries": 0}, attempts=1)
    trace = cw.run(cw.Society(LAKE, [dead, FairShare(), FairShare()]))
    assert not trace.valid.any() and "agent 0 gave no answer at t=0" in trace.invalid[0]


@pytest.mark.slow
def test_a_slow_server_meets_the_limit_of_an_attempt():
    with running(delay=5) as url:
        late = model(url, patience=1, total=1, attempts=1, config={"max_retries": 0})
        trace = cw.run(cw.Society(LAKE, [late, FairShare(), FairShare()]))
    assert not trace.valid.any()


@pytest.mark.slow
def test_a_local_transformer_is_asked_and_its_babble_is_missing_data(tmp_path):
    pytest.importorskip("torch", reason="Hugging Face models run on torch, which is no dependency")
    transformers = pytest.importorskip("transformers", reason="no transformers here")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Tokenizer(models.BPE(vocab={x: i for i, x in enumerate(["<end>", *letters])}, merges=[]))
    words.pre_tokenizer, words.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    template = "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<end>", pad_token="<end>", chat_template=template
    )
    tokenizer.save_pretrained(tmp_path)
    size = transformers.GPT2Config(vocab_size=257, n_positions=4096, n_embd=16, n_layer=1, n_head=2)
    transformers.GPT2LMHeadModel(size).save_pretrained(tmp_path)
    where = {"model_path": str(tmp_path), "tokenizer_path": str(tmp_path), "device": "cpu"}
    babbler = LLM("hf/tiny", args=where, config={"max_tokens": 8})
    trace = cw.run(cw.Society(LAKE, [babbler, FairShare(), FairShare()]))
    assert "malformed twice: it is no JSON" in trace.invalid[0] and trace.replies.height == 2
    assert trace.replies["written"].to_list() == [8, 8] and trace.replies["read"].min() > 500
