"""What a provider is given in confidence is written and shown nowhere; calls are posted as often as asked."""

import base64
import dataclasses
import gzip
import io
import json
import re
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, quote_plus, unquote

import polars as pl
import pytest
from inspect_ai.log import read_eval_log
from inspect_ai.model import GenerateConfig, ModelAPI, ModelOutput, get_model, modelapi
from inspect_ai.model._providers.openai_compatible import OpenAICompatibleAPI
from loopback import running

import commonweal as cw
from commonweal import _secrets
from commonweal._describe import describe, rebuild
from commonweal._secrets import HIDDEN, hide, know, model_name, stored
from commonweal.cli import main
from commonweal.lab.again import again
from commonweal.lab.study import Study
from commonweal.language import LLM, llm, seated, write_eval
from commonweal.measures import welfare
from commonweal.minds.commons import FairShare
from commonweal.report import write_report
from commonweal.scenarios import Commons

LAKE = Commons(n_agents=2, horizon=1, assignment="proportional")
SECRET = "sk-Pl4nted+K3y=of.many.Signs"
URL = quote(SECRET, safe="")
NAME = "openai-api/loopback/any"
ONCE = {"max_retries": 0}
ANY = GenerateConfig()


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A home of the test's own, no key known but one, and no waiting between tries."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LOOPBACK_API_KEY", "none")
    monkeypatch.setenv(
        "INSPECT_HTTP_POOL_KEEPALIVE_CONNECTIONS", "0"
    )  # a caller's model is not ours to close
    monkeypatch.setattr(_secrets, "_known", set())
    monkeypatch.setattr(OpenAICompatibleAPI, "retry_wait", lambda self: lambda state: 0.001)


@pytest.fixture(scope="module")
def echo():
    with running(echo="yes") as url:
        yield url


@modelapi(name="echoing")
class Echoing(ModelAPI):
    """A provider that takes any argument, and says all of them in its errors and replies."""

    def __init__(self, model_name, base_url=None, api_key=None, config=ANY, **args):
        super().__init__(model_name, base_url, api_key, [], config)
        self.args, self.calls = args, 0

    async def generate(self, input, tools, tool_choice, config):
        self.calls += 1
        said = json.dumps([self.model_name, self.base_url, self.api_key, self.args])
        if self.calls % 2:
            raise PermissionError(f"This is wrong: {said}")
        return ModelOutput.from_content(self.model_name, json.dumps({"take": 1, "notes": said}))


def at(url, user="", more=""):
    """The address of a server, with a user and what comes behind the path."""
    return {"base_url": url.replace("://", f"://{user}@" if user else "://") + more}


def other(name="any", config=None, **args):
    """A model of the provider that takes anything."""
    return lambda url: LLM(f"echoing/{name}", config=config, args=args)


def openai(config=None, query="", **args):
    """A model behind the loopback server, reached with OpenAI's client."""
    return lambda url: LLM(NAME, config=config, args=at(url, more=query) | args)


def theirs(**args):
    """One of Inspect's own models behind the server."""
    return lambda url: LLM(get_model(NAME, memoize=False, **at(url), **args))


HOST = "http://127.0.0.1:9/v1"
PLACES = {
    "key in the environment": openai(),
    "api_key": openai(api_key=SECRET),
    "user of base_url": other(**at(HOST, URL)),
    "password of base_url": other(**at(HOST, f"me:{URL}")),
    "query of base_url": openai(query=f"?key={URL}"),
    "path of base_url": openai(query=f"/{URL}"),
    "auth_token": other(auth_token=SECRET),
    "access_token": other(access_token=SECRET),
    "bearer": other(bearer=f"Bearer {SECRET}"),
    "passwd": other(passwd=SECRET),
    "aws_session_token": other(aws_session_token=SECRET, region="here"),
    "aws_secret_access_key": other(aws_secret_access_key=SECRET),
    "default_query": openai(default_query={"sig": SECRET}),
    "default_headers": openai(default_headers={"x-mine": f"Basic {SECRET}"}),
    "extra_headers": openai({"extra_headers": {"x-mine": SECRET}}),
    "extra_body": openai({"extra_body": {"user": {"pass": [SECRET]}}}),
    "query of the model's name": other(f"any?key={URL}"),
    "key of Inspect's model": theirs(api_key=SECRET),
    "headers of Inspect's model": theirs(default_headers={"x-mine": SECRET}),
}


def written(secret):
    """How a secret may be written: as it is, in URLs and file names, and in base64 after 0 to 2 letters."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret))
    yield re.sub(r"[^a-z0-9]+", "-", secret.lower())
    for lead in range(3):
        code = base64.b64encode(b"x" * lead + secret.encode()).decode()[4:-4]
        yield from (code, code.replace("+", "-").replace("/", "_"))


def leaks(text):
    plain = (text + unquote(text)).casefold()
    return [one for one in written(SECRET) if one.casefold() in plain]


def texts(path):
    """Name and text of a file, and of all that is packed in it."""
    raw = path.read_bytes()
    yield path.name, f"{path} {raw.decode('latin-1')}"
    if path.suffix == ".parquet":
        yield path.name, pl.read_parquet(io.BytesIO(raw)).write_json()
    elif path.suffix == ".gz":
        yield path.name, gzip.decompress(raw).decode("latin-1")
    elif path.suffix == ".eval":
        log = read_eval_log(str(path))
        yield path.name, log.model_dump_json()
        for sample in log.samples or []:
            yield from packed(path, base64.b64decode(sample.store["commonweal:trace"]))


def packed(path, raw):
    """What is packed in a trace that a log holds."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        archive.extractall(home := path.with_suffix(""))
    for file in home.iterdir():
        yield from texts(file)


def leaky(folder):
    """The files of a folder, by kind, in which the secret stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {f"{name}: {leaks(text)}" for path in files for name, text in texts(path) if leaks(text)}


def use(voice, folder):
    """A study, its report, a log, a replay: all that is written of a voice; what was raised."""
    society = cw.Society(LAKE, [voice, FairShare()])
    study = Study("planted", {"one": society}, 2, [welfare], keep=2)
    try:
        results = study.run(folder / "run")
    except ValueError as error:
        return f"{error}"
    assert results
    print(results, results.as_dict(), write_report(results, folder / "run" / "report.html"))
    (stored,) = (folder / "run").glob("cells/*/trace")
    trace = cw.load(stored)
    trace.save(folder / "trace")
    print(write_eval(trace, folder / "logs"), trace.invalid, trace.messages.write_json(), trace.recipe)
    print(again(folder / "trace"))
    assert trace.messages.height and not trace.valid.all()  # both came: an error, and a reply
    return ""


@pytest.mark.parametrize("place", PLACES)
def test_a_planted_secret_is_in_no_file_and_no_printed_text(place, echo, tmp_path, monkeypatch, capfd):
    if place == "key in the environment":
        monkeypatch.setenv("LOOPBACK_API_KEY", SECRET)
    voice = PLACES[place](echo)
    voice.attempts, voice.config = 1, voice.config | ONCE
    raised = use(voice, tmp_path)
    shown = capfd.readouterr()
    assert leaks(raised + shown.out + shown.err) == [] and leaky(tmp_path) == set()
    assert HIDDEN in raised + shown.out  # it was there to be found


def test_a_speaker_of_ones_own_tells_no_token_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", SECRET)

    class Mine(cw.Speaker):
        attempts = 1

        def settings(self):
            return {"token": SECRET, "mood": "calm"}

        async def ask(self, prompt):
            raise PermissionError(f"{SECRET} is refused")

    trace = cw.run(cw.Society(LAKE, [Mine(), FairShare()]))
    trace.save(tmp_path / "trace")
    assert leaky(tmp_path) == set() and "calm" in json.dumps(trace.recipe)
    assert trace.invalid == (f"agent 0 gave no answer at t=0 (PermissionError: {HIDDEN} is refused)",)


def test_the_command_line_shows_no_secret(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    (tmp_path / "my_leaky_study.py").write_text("import os\nraise KeyError(os.environ['MY_TOKEN'])\n")
    with pytest.raises(SystemExit):
        main(["run", str(tmp_path / "my_leaky_study.py")])
    shown = capsys.readouterr()
    assert f"raised KeyError: '{HIDDEN}'" in shown.err and not leaks(shown.out + shown.err)


# -------------------------------------------------------------------------------------- what is stored


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"temperature": 0.5, "seed": 7, "stop_seqs": ["END"], "max_retries": 1}, "as they are"),
        ({"base_url": "http://localhost:8000/openai/v1"}, "as they are"),
        ({"base_url": "https://me:pw@host:1/v1"}, "https://host:1/keyed:"),
        ({"base_url": "https://host/v1?a=b"}, "https://host/keyed:"),
        ({"base_url": "https://host/tenant-4711/v1"}, "https://host/keyed:"),
        ({"base_url": "http://[broken"}, "keyed:"),
        ({"organization": "org-1"}, "keyed:"),
        ({"extra_body": {"temperature": 1}}, "keyed:"),
        ({"http_client": object()}, "keyed:"),
        ({"passwd": f"{SECRET} keyed:{'0' * 16}.{'0' * 8}"}, "keyed:"),  # looks as if it came from a store
    ],
)
def test_only_harmless_settings_are_stored_as_they_are(settings, shown):
    found = stored(settings)
    assert stored(found) == found and json.dumps(found)  # what was read from a store is stored as it is
    assert found == settings if shown == "as they are" else next(iter(found.values())).startswith(shown)
    assert stored(settings) == found  # the same again


def test_a_digest_hangs_on_value_name_and_key(monkeypatch, tmp_path):
    assert stored({"pin": "1"}) != stored({"pin": "2"}) and model_name("a?k=1") != model_name("a?k=2")
    assert stored({"pin": "1"})["pin"] != stored({"pun": "1"})["pun"]
    before, (file,) = stored({"pin": "1"}), (tmp_path / "config").rglob("*.*")
    assert (file.name, file.stat().st_size, file.stat().st_mode & 0o777) == ("digest.key", 32, 0o600)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    assert stored({"pin": "1"}) != before  # nobody without the key can try all pins
    (tmp_path / "third" / "commonweal").mkdir(parents=True)
    (tmp_path / "third" / "commonweal" / "digest.key").write_bytes(b"short")
    for place in (tmp_path / "third", file):  # a damaged key; no folder at all
        monkeypatch.setenv("XDG_CONFIG_HOME", str(place))
        with pytest.raises(ValueError, match="cannot be kept .*export XDG_CONFIG_HOME="):
            stored({"pin": "1"})


def test_several_that_make_the_key_at_once_have_the_same(tmp_path):
    with ThreadPoolExecutor(16) as several:
        made = list(several.map(_secrets._key.__wrapped__, [tmp_path / "new" / "digest.key"] * 64))
    assert len(set(made)) == 1 and [x.name for x in (tmp_path / "new").iterdir()] == ["digest.key"]


def study(**args):
    society = cw.Society(LAKE, [LLM("echoing/any", attempts=1, args=args), FairShare()])
    return Study("planted", {"one": society}, 2, [welfare], keep=2)


def test_a_changed_secret_is_noticed_and_so_is_another_users_key(tmp_path, monkeypatch):
    study(passwd=SECRET).run(tmp_path / "run")
    study(passwd=SECRET).run(tmp_path / "run")
    with pytest.raises(ValueError, match="the study of another plan: condition 'one' has other values"):
        study(passwd=SECRET + "!").run(tmp_path / "run")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    with pytest.raises(ValueError, match="digested under another user's key .*bring .*digest.key"):
        study(passwd=SECRET).run(tmp_path / "run")


def test_a_replay_needs_no_setting_and_a_new_question_says_which(tmp_path, monkeypatch):
    study(passwd=SECRET).run(tmp_path / "run")
    trace = cw.load(next((tmp_path / "run").glob("cells/*/trace")))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))  # another user, in another process
    monkeypatch.setattr(llm, "MADE", {})
    voice = rebuild(trace.recipe["society"]).minds[0]
    assert describe(voice) == trace.recipe["society"]["fields"]["minds"]["tuple"][0]
    asked = cw.replay(trace)
    assert asked.act["take"].tolist() == trace.act["take"].tolist()
    (lost,) = asked.invalid[:1] if trace.invalid[0] else asked.invalid[1:]
    assert re.search("echoing/any is not asked: the passwd in its recipe is a digest.*society=...", lost)


@pytest.mark.parametrize("args", [{}, {"api_key": SECRET}])
def test_a_recipe_asks_only_where_this_program_does(args, monkeypatch, tmp_path):
    with running() as url:
        trace = cw.run(cw.Society(LAKE, [LLM(NAME, args=at(url) | args), FairShare()]))
        trace = cw.load(trace.save(tmp_path / "trace"))
        again = dataclasses.replace(trace, replies=trace.replies.clear())  # everything is to be asked
        assert cw.replay(again).valid.all() and posts(url) == 2
        monkeypatch.setattr(llm, "MADE", {})  # in another process the recipe may be a stranger's
        assert " in its recipe is a digest, or may be a stranger's" in cw.replay(again).invalid[0]
        assert cw.replay(trace).valid.all() and posts(url) == 2
        LLM(NAME, args=at(url) | args)  # as the file of the study does
        assert cw.replay(again).valid.all() and posts(url) == 3


def test_a_strangers_recipe_hides_no_words(monkeypatch):
    recipe = describe(LLM("echoing/any", args={"note": "tampered with"}))
    monkeypatch.setattr(llm, "MADE", {})
    recipe["settings"]["dict"]["args"]["dict"]["note"] = "tampered with"
    cw.run(cw.Society(LAKE, [rebuild(recipe), FairShare()]))
    assert hide("it was tampered with") == "it was tampered with"


def test_a_model_seated_from_the_command_line_keeps_what_is_stored_as_a_digest():
    given = {"passwd": SECRET}
    old = Study("s", {"a": cw.Society(Commons(n_agents=1), [LLM("echoing/any", args=given)])}, 1, [welfare])
    new = seated(old, f"echoing/other?key={URL}")
    (model,) = (mind for mind in new.conditions["a"].minds if isinstance(mind, LLM))
    assert new.name == "s echoing/other" and model.args == given


# ------------------------------------------------------------------------------------ what is replaced


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("hunter22", "my hunter22x", f"my {HIDDEN}x"),  # 8 characters: wherever it stands
        ("pass phrase", "pass phrase", HIDDEN),
        ("Bearer abc.12345", "abc.12345", HIDDEN),
        ("hunt3r", "hunt3r, hunt3rs", f"{HIDDEN}, hunt3rs"),  # fewer: as a word, of letters and digits
        ("secret", "a secret", "a secret"),
        ("123456", "123456 fish", "123456 fish"),
        ("a1b", "a1b", "a1b"),
        ('q"uo\\te-ü1', json.dumps('q"uo\\te-ü1'), f'"{HIDDEN}"'),
        ("a b+c/d=ü1", "a+b%2Bc%2Fd%3D%C3%BC1 a%20b%2bc%2fd%3d%c3%bc1", f"{HIDDEN} {HIDDEN}"),
        (b"raw-bytes-1", "raw-bytes-1", HIDDEN),
        (20301020, "20301020", HIDDEN),
        ({"deep": [{"er": "nested-1"}]}, "nested-1", HIDDEN),
        ({"reasoning_effort": "unusually-high"}, "unusually-high", "unusually-high"),
    ],
)
def test_which_values_are_replaced(value, text, shown):
    know("any", {"mine": value})
    assert hide(text) == shown


@pytest.mark.parametrize("lead", ["", "m", "me", "me:"])
@pytest.mark.parametrize("code", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_inside_a_longer_text_in_base64_is_replaced(lead, code):
    know("any", {"passwd": "?>a~" + SECRET})
    text = code(f"{lead}?>a~{SECRET}, and more".encode()).decode()
    assert leaks(text) and HIDDEN in hide(text) and not leaks(hide(text))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        *(
            (name, SECRET, SECRET)
            for name in ("X_API_KEY", "AWS_SESSION_TOKEN", "DB_PASSWORD2", "client_secret")
        ),
        ("HTTPS_PROXY", f"http://me:{URL}@proxy:1/", SECRET),
        ("MY_BASE_URL", f"https://host/v1?key={URL}", f"?key={URL}"),
    ],
)
def test_secrets_of_the_environment_are_known(name, value, text, monkeypatch):
    assert hide(text) == text
    monkeypatch.setenv(name, value)
    assert not leaks(hide(text)) and HIDDEN in hide(text)


def test_what_is_no_secret_in_the_environment_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("MY_KEYBOARD", SECRET)
    monkeypatch.setenv("MY_KEY", str(tmp_path))  # the place of a key is none
    assert hide(f"{SECRET} {tmp_path}") == f"{SECRET} {tmp_path}"


# ---------------------------------------------------------------------------------- how often, and where


def posts(url):
    with urllib.request.urlopen(url.removesuffix("/v1"), timeout=5) as answer:
        return json.load(answer)["made"]


def ask(url, **more):
    """One decision behind a server; the trace, and how often it was posted."""
    before = posts(url)
    trace = cw.run(cw.Society(LAKE, [LLM(NAME, args=at(url), **more), FairShare()]))
    return trace, posts(url) - before


TROUBLES = {"busy": True, "broken": True, "reset": True, "denied": False, "wrong": False, "garbage": False}


@pytest.fixture(scope="module", params=TROUBLES)
def trouble(request):
    """Whether Inspect tries again after it, and a server where every call meets it."""
    with running(trouble=request.param, every=1) as url:
        yield TROUBLES[request.param], url


@pytest.mark.parametrize(
    ("attempts", "retries", "posted"), [(1, 0, 1), (1, 1, 2), (1, 3, 4), (2, 0, 2), (2, 1, 4), (3, 2, 9)]
)
def test_a_call_is_posted_as_often_as_was_asked(attempts, retries, posted, trouble):
    again, url = trouble
    trace, made = ask(url, attempts=attempts, config={"max_retries": retries})
    assert not trace.valid.any()
    assert made == (posted if again else attempts)


@pytest.mark.slow
def test_a_call_that_takes_too_long_is_posted_as_often_as_was_asked():
    with running(delay=30) as url:
        trace, made = ask(url, attempts=1, patience=1, config={"max_retries": 2})
        assert not trace.valid.any() and made == 3


def test_the_providers_own_client_tries_again_only_where_it_is_told_to(trouble):
    again, url = trouble
    before = posts(url)
    told = LLM(NAME, args=at(url) | {"max_retries": 2}, attempts=1, config=ONCE)
    given = LLM(get_model(NAME, memoize=False, **at(url)), attempts=1, config=ONCE)
    for voice, made in ((told, 3 if again else 1), (given, 1)):
        cw.run(cw.Society(LAKE, [voice, FairShare()]))
        assert posts(url) - before == made
        before += made


@pytest.mark.parametrize("aiohttp", [True, False])
def test_a_redirect_to_another_host_is_refused(aiohttp, monkeypatch):
    if not aiohttp:
        monkeypatch.setattr("commonweal.language.llm.find_spec", lambda name: None)
    with running() as thief, running(redirect=f"{thief}/chat/completions") as url:
        trace, made = ask(url, attempts=2)
        assert (made, posts(thief)) == (1, 0)  # not tried again: it would be so again
        here, there = url.removesuffix("/v1"), thief.removesuffix("/v1")
        assert f"at {here} redirects to {there}: nothing is sent there; wanted" in trace.invalid[0]
        assert "\n" not in trace.invalid[0] and f"base_url': '{there}" in trace.invalid[0]


def test_a_redirect_on_the_same_host_is_followed(tmp_path):
    with running(redirect="/v2/chat/completions") as url:
        trace, made = ask(url)
        assert trace.valid.all() and made == 2
