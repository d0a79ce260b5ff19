"""A language model as a mind, over Inspect's model layer: any provider that Inspect knows, by its name."""

import json
import math
from collections.abc import Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from .._mind import Budget, NoAnswer, Speaker
from .._profile import Profile
from .._prompt import Prompt, Said
from .._secrets import from_store, hide, know, model_name, stored
from .._society import Society
from ..lab.study import Study
from ._transport import keep_to, refused
from .inspect import inspect_ai

CONFIG = {"temperature": 1.0, "max_tokens": 1500, "max_retries": 6, "cache": False}
EACH_RUN = {"max_connections", "adaptive_connections", "attempt_timeout", "timeout", "response_schema"}
UNLIMITED = Budget()
KEPT = 256  # configurations, of replies whose schemas differ
MADE: dict[str, "LLM"] = {}  # the first of each kind that this program made, by what a recipe tells of it


class LLM(Speaker):
    """A language model that Inspect can reach: `LLM("openai/gpt-5")`, `LLM("commonweal/rehearsal-fair")`.

    - `model`: Inspect's name of it, or one of Inspect's `Model` objects, whose own settings are kept.
    - `profile`: its traits, told as a persona.
    - `reasoning`: how much it thinks before it answers (`low`, `medium`, `high`), where it can.
    - `memory`: how many of its own earlier messages and replies it is shown again.
    - `config`: generation settings by Inspect's names, over `CONFIG`; nothing else is inherited.
    - `args`: arguments of the provider, such as `base_url`; keys belong in the environment. Of what may be
      secret, only a digest is stored.
    - `patience`, `total`: seconds for one attempt and for all of a call, waiting for a free connection
      not counted.
    - `budget`, `attempts`: see `Speaker`. A budget in dollars needs a price that Inspect knows. A call is
      posted at most `attempts * (config["max_retries"] + 1)` times.
    """

    def __init__(
        self,
        model: Any,
        profile: Profile | None = None,
        *,
        reasoning: str | None = None,
        memory: int = 4,
        config: Mapping[str, Any] | None = None,
        args: Mapping[str, Any] | None = None,
        budget: Budget = UNLIMITED,
        attempts: int = 2,
        patience: float = 300.0,
        total: float = 900.0,
    ):
        self.model, self._given = str(model), None if isinstance(model, str) else model
        self.profile, self.memory, self.budget, self.attempts = profile, memory, budget, attempts
        self.patience = self.total = math.inf  # Inspect keeps to the limits: it knows when a call begins
        self._limits = {"patience": patience, "total": total}
        thinks = {"reasoning_effort": reasoning} if reasoning else {}
        self.config = CONFIG | _own(self._given) | thinks | dict(config or {})
        self.args = _made_with(self._given) | dict(args or {})
        self._client: Any = self._given
        self._users = 0
        self._configs: dict[str, Any] = {}  # by schema of the reply
        given = {"model": self.model} | self.config | self.args
        self._unknown = [name for name, value in given.items() if from_store(value)]
        told = [model_name(self.model), stored(self.config), stored(self.args)]
        self._told = json.dumps(told, sort_keys=True, default=repr)
        MADE.setdefault(self._told, self)

    @classmethod
    def again(cls, settings):
        """The model that a recipe tells of. It asks only as one that this program has made itself.

        Else whoever wrote the recipe says where questions and keys are sent, and which files are loaded. A
        model that the recipe tells by its name alone is asked, as is a rehearsal.
        """
        made = cls(**settings)
        own = MADE[made._told]
        if own is made:
            del MADE[made._told]
            made._unknown += () if made.model.startswith("commonweal/") else made.args
        else:
            made.model, made.config, made.args, made._unknown = own.model, own.config, own.args, own._unknown
        return made

    def settings(self):
        return {
            "model": model_name(self.model),
            "profile": self.profile,
            "memory": self.memory,
            "config": stored(self.config),
            "args": stored(self.args),
            "budget": self.budget,
            "attempts": self.attempts,
            **self._limits,
        }

    @asynccontextmanager
    async def session(self):
        """A client of its own while there are worlds: it belongs to the event loop that it is made in."""
        if not self._unknown:
            know(self.model, self.config, self.args, _kept_by(self._given))
            self._client = self._client or self._open()
            keep_to(self._client.api, retries=self.args.get("max_retries", 0))
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users and self._given is None:
                client, self._client = self._client, None
                with suppress(Exception):  # all is said: how the door falls shut changes nothing
                    await client.api.aclose()

    def _open(self) -> Any:
        lib = inspect_ai()
        if math.isfinite(self.budget.cost) and not _priced(lib, self.model):
            raise ValueError(
                f"{model_name(self.model)} has a budget of {self.budget.cost:g} dollars and no price is "
                "known; wanted one: inspect_ai.model.set_model_cost(...), or a budget in tokens: "
                "cw.Budget(tokens=50_000)"
            )
        try:
            return lib.model.get_model(self.model, memoize=False, **_transport(self.model) | self.args)
        except Exception as error:
            told = " ".join(hide(str(error)).split())
            raise ValueError(f"Inspect cannot reach {model_name(self.model)}: {told}") from None

    def _config(self, schema: Mapping[str, Any]) -> Any:
        """The whole configuration of a call whose reply has this schema."""
        key = repr(schema)
        if key not in self._configs:
            lib, limits = inspect_ai(), {"attempt_timeout": self._limits["patience"]}
            limits["timeout"] = self._limits["total"]
            limits = {name: max(1, math.ceil(x)) for name, x in limits.items() if math.isfinite(x)}
            form = lib.model.ResponseSchema(name="reply", json_schema=lib.util.JSONSchema(**schema))
            if len(self._configs) >= KEPT:
                self._configs.clear()
            self._configs[key] = lib.model.GenerateConfig(**limits | self.config, response_schema=form)
        return self._configs[key]

    async def ask(self, prompt: Prompt) -> Said:
        if self._unknown:
            raise NoAnswer(
                f"{model_name(self.model)} is not asked: the {self._unknown[0]} in its recipe is a digest, "
                "or may be a stranger's; wanted the society itself, cw.replay(trace, society=...), or the "
                "file that makes it, --file my_study.py"
            )
        lib = inspect_ai()
        system, turns = prompt.system, prompt.turns
        kinds = {"user": lib.model.ChatMessageUser, "assistant": lib.model.ChatMessageAssistant}
        chat = [
            lib.model.ChatMessageSystem(content=system),
            *(kinds[who](content=text) for who, text in turns),
        ]
        try:
            output = await self._client.generate(chat, config=self._config(prompt.schema))
        except lib.util.LimitExceededError as reason:
            raise NoAnswer(f"a limit of the evaluation was reached: {reason}") from reason
        except Exception as error:
            if (elsewhere := refused(error)) is not None:
                raise NoAnswer(elsewhere) from None
            raise
        read, written, cost = _used(output.usage)
        if output.error:
            raise RuntimeError(output.error)
        return Said(output.completion, output.stop_reason == "content_filter", read, written, cost)


def _used(usage: Any) -> tuple[int | None, int | None, float | None]:
    """Tokens read (also from a cache) and written, and dollars; None where the provider does not say."""
    if usage is None:
        return None, None, None
    read = (usage.input_tokens, usage.input_tokens_cache_read or 0, usage.input_tokens_cache_write or 0)
    return sum(read) if min(read) >= 0 else None, usage.output_tokens, usage.total_cost


def _transport(model: str) -> dict[str, Any]:
    """For OpenAI's client: aiohttp, which with hundreds of calls under way computes half as much as httpx."""
    if not model.startswith(("openai/", "openai-api/")) or find_spec("aiohttp") is None:
        return {}
    from openai import DefaultAioHttpClient

    return {"http_client": DefaultAioHttpClient()}


def _own(model: Any) -> dict[str, Any]:
    """What one of Inspect's models was set to, for every call."""
    return model.config.model_dump(exclude_none=True, exclude=EACH_RUN) if model is not None else {}


def _made_with(model: Any) -> dict[str, Any]:
    """What one of Inspect's models was made with, without clients; our own answer by name alone."""
    if model is None or str(model).startswith("commonweal/"):
        return {}
    told = {"base_url": model.api.base_url} if getattr(model.api, "base_url", None) else {}
    return told | {name: x for name, x in model.model_args.items() if isinstance(x, str | int | float | bool)}


def _kept_by(model: Any) -> dict[str, Any]:
    """All that one of Inspect's models was made with, its key too."""
    return {} if model is None else model.model_args | {"api_key": model.api.api_key}


def _priced(lib: Any, model: str) -> bool:
    info = lib.model.get_model_info(model)
    return model.startswith("commonweal/") or bool(info and info.cost)


def seated(study: Study, model: str) -> Study:
    """The study with a language model in every seat of a speaker, or in all where nobody speaks."""
    conditions = {}
    for name, one in study.conditions.items():
        seats = one.speakers or range(len(one.minds))
        minds = [_seated(mind, model) if i in seats else mind for i, mind in enumerate(one.minds)]
        conditions[name] = Society(one.scenario, minds, one.profiles)
    return replace(study, name=f"{study.name} {model.partition('?')[0]}", conditions=conditions)


def _seated(mind: Any, model: str) -> LLM:
    """A language model in the seat of a mind; one that sat there hands on its limits and settings."""
    if not isinstance(mind, LLM):
        return LLM(model)
    kept: dict[str, Any] = mind.settings() | {"model": model, "config": mind.config, "args": mind.args}
    return LLM(**kept)
