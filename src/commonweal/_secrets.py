"""Which settings are stored as they are, and which values are replaced in all that is written or shown.

Only settings on the list of harmless names are stored. Of the others a digest under the user's own key is
stored: a changed setting is noticed, and nobody without that key can find the value by trying.
"""

import hashlib
import hmac
import json
import os
import re
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

# Of how a model generates, then of how it is reached or loaded: nothing here is a secret in any provider.
HARMLESS = frozenset(
    (
        "adaptive_connections attempt_timeout background batch batch_size best_of cache cache_prompt effort "
        "fail_on_refusal fallback_models frequency_penalty internal_tools logit_bias logprobs "
        "max_connections max_retries max_tokens max_tool_output min_p modalities num_choices "
        "parallel_tool_calls presence_penalty prompt_logprobs reasoning_effort reasoning_history "
        "reasoning_mode reasoning_summary reasoning_tokens repetition_penalty seed stop_seqs "
        "stream_idle_timeout temperature timeout top_k top_logprobs top_p verbosity "
        "api_version attn_implementation aws_region base_url calls client_timeout delay device device_map "
        "do_sample dtype emulate_tools enable_thinking gpu_memory_utilization load_in_4bit load_in_8bit "
        "location max_model_len model_path port region responses_api responses_store revision service "
        "service_tier stream streaming strict_tools tensor_parallel_size tokenizer tokenizer_path "
        "torch_dtype trust_remote_code"
    ).split()
)
NAMED = re.compile(
    r"(?:^|_)(?:api_?key|key|token|secret|password|passwd|passphrase|bearer|authorization|credential)s?"
    r"(?:_|\d|$)",
    re.IGNORECASE,
)
DIGEST = r"keyed:[0-9a-f]{16}\.([0-9a-f]{8})"
HIDDEN = "(secret)"
UNSAFE = r"[^A-Za-z0-9_]"  # signs that a URL may write as a code
LONG, SHORT = 8, 4  # characters: from LONG on replaced wherever it stands, below SHORT never

_known: set[str] = set()


# ------------------------------------------------------------------------------------ what is stored


def stored(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as they may be stored; those that were read from a store stay as they are."""
    return {name: _stored(name, value) for name, value in settings.items()}


def _stored(name: str, value: Any) -> Any:
    if from_store(value):
        return value
    if name not in HARMLESS:
        return keyed(name, value)
    return _address(name, value) if isinstance(value, str) and "://" in value else value


def _address(name: str, text: str) -> str:
    """An address without user, query and long parts of its path; a digest stands for them."""
    parts = _split(text)
    home = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if text == home + parts.path and all(len(part) < LONG for part in parts.path.split("/")):
        return text
    return f"{home}/{keyed(name, text)}" if parts.netloc else keyed(name, text)


def model_name(model: str) -> str:
    """The name of a model as it may be stored: a digest stands for its query."""
    name, _, query = model.partition("?")
    return f"{name}?{keyed('model', query)}" if query and not from_store(model) else model


def from_store(value: Any) -> bool:
    """Whether a setting was read from a store, which holds a digest in its place."""
    return isinstance(value, str) and bool(re.fullmatch(rf"(\w+://[^/?#@]*/|[^?]*\?)?{DIGEST}", value))


def keyed(name: str, value: Any) -> str:
    """A digest of a setting under the user's key, and which key it is: `keyed:DIGEST.KEY`."""
    text = json.dumps([name, value], sort_keys=True, default=_written)
    return f"keyed:{_mac(text)[:16]}.{_mac('')[:8]}"


def _written(value: Any) -> str:
    return re.sub(r"0x[0-9a-f]+", "", f"{type(value)} {value!r}")


def _mac(text: str) -> str:
    try:
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        key = _key(Path(home) / "commonweal" / "digest.key")
    except (OSError, RuntimeError) as error:  # RuntimeError: no home
        raise ValueError(
            f"the key of digests cannot be kept ({error}); wanted a folder to keep it in: "
            "export XDG_CONFIG_HOME=/a/folder/of/mine"
        ) from error
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@cache
def _key(path: Path) -> bytes:
    """The key in that file, which is made where there is none; another process may make it meanwhile."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent) as part:  # for the user's eyes alone
            part.write(os.urandom(32))
            part.flush()
            try:
                os.link(part.name, path)
            except FileExistsError:
                pass
    if len(key := path.read_bytes()) != 32:
        raise OSError(f"{path} holds {len(key)} bytes, not 32")
    return key


def keys(data: Any) -> set[str]:
    """The names of the keys under which the digests in JSON-able data were made."""
    return set(re.findall(DIGEST, json.dumps(data)))


# ---------------------------------------------------------------------------------- what is replaced


def know(model: str, *settings: Mapping[str, Any]) -> None:
    """Remember the query of a model's name, settings that are not harmless, and what addresses hold.

    From now on `hide` replaces them, in all that this process writes or shows.
    """
    _known.update(_of_query(model.partition("?")[2]))
    _known.update(text for some in settings for name, value in some.items() for text in _texts(name, value))


def hide(text: str) -> str:
    """The text with every known secret replaced, also where it is written as in a URL, JSON or base64.

    Known are the settings of this process that are not harmless, and from the environment the variables
    named like keys (`..._API_KEY`, `..._TOKEN`, `..._SECRET...`, `..._PASSWORD`) and users and queries in
    addresses. One of 8 characters or more is replaced wherever it stands; one of 4 to 7 only as a word of
    its own, and only if it mixes letters and digits: plain short words would take ordinary text with them.
    """
    return _replaced(text, _all_forms())


def hidden(data: Any) -> Any:
    """The data with every known secret replaced in its texts."""
    forms = _all_forms()

    def walk(thing: Any) -> Any:
        if isinstance(thing, str):
            return _replaced(thing, forms)
        if isinstance(thing, Mapping):
            return {name: walk(one) for name, one in thing.items()}
        return type(thing)(map(walk, thing)) if type(thing) in (list, tuple) else thing

    return walk(data)


def _all_forms() -> list[tuple[str, re.Pattern]]:
    return _forms(frozenset(_known.union(_of_environment())))


def _replaced(text: str, forms: list[tuple[str, re.Pattern]]) -> str:
    for probe, pattern in forms:
        if probe in text:
            text = pattern.sub(HIDDEN, text)
    return text


def _texts(name: str, value: Any) -> Iterator[str]:
    """The texts in a setting that may be secret."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(str(key), one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _texts(name, one)
    elif type(value) is int and name not in HARMLESS:
        yield str(value)
    elif isinstance(value, str) and not from_store(value):
        if "://" in value:
            yield from _of_address(value)
            parts = [part for part in _split(value).path.split("/") if len(part) >= LONG]
            yield from (*parts, *map(unquote, parts))
        if name not in HARMLESS:
            yield from (value, *value.split())  # `Bearer KEY` is echoed as KEY


def _of_address(text: str) -> Iterator[str]:
    """User, password and query of an address."""
    parts = _split(text)
    user = parts.netloc.rpartition("@")[0]
    for one in (user, *user.split(":", 1), parts.fragment):
        yield from (one, unquote(one))
    yield from _of_query(parts.query)


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # no address: all of it may be secret
        return SplitResult("", "", "", "", text)


def _of_query(query: str) -> Iterator[str]:
    if query:
        yield from (query, unquote(query))
    for name, value in parse_qsl(query, keep_blank_values=True):
        yield value or name


def _of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        yield from _of_variable(name, value)


@lru_cache(maxsize=1024)
def _of_variable(name: str, value: str) -> list[str]:
    if "://" in value:
        return list(_of_address(value))
    return [value] if NAMED.search(name) and not os.path.exists(value) else []


@lru_cache(maxsize=8)
def _forms(secrets: frozenset[str]) -> list[tuple[str, re.Pattern]]:
    """How the secrets may be written, longest first: what to look for, and what to replace if it is there."""
    forms: dict[str, str] = {}
    for secret in secrets:
        mixed = re.search(r"[^\W\d]", secret) and re.search(r"\d", secret)
        if len(secret) >= LONG:
            forms |= {one: re.escape(one) for one in _encoded(secret)} | {secret: _in_url(secret)}
        elif len(secret) >= SHORT and mixed:
            forms.setdefault(secret, rf"(?<!\w){re.escape(secret)}(?!\w)")
    several = sorted(forms.items(), key=lambda one: (-len(one[0]), one[0]))
    return [(max(re.split(UNSAFE, form), key=len), re.compile(pattern)) for form, pattern in several]


def _in_url(secret: str) -> str:
    """A pattern of the text in which every sign may be written as URLs write it, or not."""

    def either(sign: re.Match) -> str:
        code = quote(sign[0], safe="")
        return f"(?:{re.escape(sign[0])}|(?i:{code}))" if sign[0] != " " else r"(?: |\+|%20)"

    return re.sub(UNSAFE, either, secret)


def _encoded(secret: str) -> Iterator[str]:
    """The text as it stands in JSON, and in the base64 of a longer text."""
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    raw = secret.encode("utf-8", "surrogateescape")
    for lead in range(3):  # letters of base64 that hold nothing of what stands around
        code = b64encode(bytes(lead) + raw).decode()[-(-8 * lead // 6) : (lead + len(raw)) * 8 // 6]
        yield from (code, code.translate(str.maketrans("+/", "-_")))
