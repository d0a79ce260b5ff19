"""A language model as a mind, over Inspect's model layer: any provider that Inspect knows, by its name."""

from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from .._mind import Budget, NoAnswer, Speaker
from .._profile import Profile
from .._prompt import Prompt, Said
from .._society import Society
from ..lab.study import Study
from .inspect import inspect_ai

CONFIG = {"temperature": 1.0, "max_tokens": 1500, "max_retries": 6}
LIKE_KEYS = {"key", "token", "secret", "password"}
UNLIMITED = Budget()


class LLM(Speaker):
    """A language model that Inspect can reach: `LLM("openai/gpt-5")`, `LLM("commonweal/rehearsal-fair")`.

    - `model`: Inspect's name of it, or one of Inspect's `Model` objects.
    - `profile`: its traits, told as a persona.
    - `reasoning`: how much it thinks before it answers (`low`, `medium`, `high`), where it can.
    - `memory`: how many of its own earlier messages and replies it is shown again.
    - `config`: generation settings by Inspect's names, over `CONFIG`; nothing is inherited.
    - `args`: arguments of the provider, such as `base_url`; keys belong in the environment.
    - `budget`, `attempts`, `patience`, `total`: see `Speaker`.

    Raises:
        ValueError: an unknown setting, or something like a key among the arguments.
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
        self.profile, self.memory, self.budget = profile, memory, budget
        self.attempts, self.patience, self.total = attempts, patience, total
        self.config = CONFIG | ({"reasoning_effort": reasoning} if reasoning else {}) | dict(config or {})
        self.args = dict(args or {})
        self._client: Any = self._given
        self._users = 0
        secret = [name for name in self.args if LIKE_KEYS & set(name.lower().split("_"))]
        if secret:
            raise ValueError(
                f"LLM came with the argument {secret[0]!r}, which every recipe would show; wanted it in "
                "the environment: export OPENAI_API_KEY=..., then LLM('openai/gpt-5')"
            )

    def settings(self):
        return {
            "model": self.model,
            "profile": self.profile,
            "memory": self.memory,
            "config": self.config,
            "args": self.args,
            "budget": self.budget,
            "attempts": self.attempts,
            "patience": self.patience,
            "total": self.total,
        }

    @asynccontextmanager
    async def session(self):
        """A client of its own while there are worlds: it belongs to the event loop that it is made in."""
        self._users += 1
        if self._client is None:
            args = _transport(self.model) | self.args
            self._client = inspect_ai().model.get_model(self.model, memoize=False, **args)
        try:
            yield
        finally:
            self._users -= 1
            if not self._users and self._given is None:
                client, self._client = self._client, None
                await client.api.aclose()

    async def ask(self, prompt: Prompt) -> Said:
        lib = inspect_ai()
        system, turns = prompt.system, prompt.turns
        kinds = {"user": lib.model.ChatMessageUser, "assistant": lib.model.ChatMessageAssistant}
        chat = [
            lib.model.ChatMessageSystem(content=system),
            *(kinds[who](content=text) for who, text in turns),
        ]
        form = lib.model.ResponseSchema(name="reply", json_schema=lib.util.JSONSchema(**prompt.schema))
        limits = {"attempt_timeout": int(self.patience), "timeout": int(self.total)}
        config = lib.model.GenerateConfig(**limits | self.config, response_schema=form)
        try:
            output = await self._client.generate(chat, config=config)
        except lib.util.LimitExceededError as reason:
            raise NoAnswer(f"a limit of the evaluation was reached: {reason}") from reason
        usage = output.usage or lib.model.ModelUsage()
        cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
        read, cost = usage.input_tokens + cached, usage.total_cost or 0.0
        if output.error:
            raise RuntimeError(output.error)
        return Said(
            output.completion, output.stop_reason == "content_filter", read, usage.output_tokens, cost
        )


def _transport(model: str) -> dict[str, Any]:
    """For OpenAI's client: aiohttp, which with hundreds of calls under way computes half as much as httpx."""
    if not model.startswith(("openai/", "openai-api/")) or find_spec("aiohttp") is None:
        return {}
    from openai import DefaultAioHttpClient

    return {"http_client": DefaultAioHttpClient()}


def seated(study: Study, model: str) -> Study:
    """The study with a language model in every seat of a speaker, or in all where nobody speaks."""
    conditions = {}
    for name, one in study.conditions.items():
        seats = one.speakers or range(len(one.minds))
        minds = [LLM(model) if i in seats else mind for i, mind in enumerate(one.minds)]
        conditions[name] = Society(one.scenario, minds, one.profiles)
    return replace(study, name=f"{study.name} {model}", conditions=conditions)
