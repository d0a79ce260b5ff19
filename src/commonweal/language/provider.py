"""Minds as models that Inspect can reach by name: `commonweal/rehearsal-fair` answers as a persona would."""

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anyio
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    RetryDecision,
    modelapi,
)

from .rehearsal import answer, find

Answer = Callable[[str, Sequence[tuple[str, str]]], str | None]
REHEARSAL = "rehearsal"


def _numb(system: str, turns: Sequence[tuple[str, str]]) -> str:
    raise TypeError(
        "a mind that chooses by numbers was asked in words; wanted it in a seat of a society: inspect eval "
        "commonweal/commons --model-role agent_0=commonweal/Greedy"
    )


class Busy(Exception):  # noqa: N818  (what a provider says, no fault of the program)
    """429, too many requests."""


@modelapi(name="commonweal")
class Commonweal(ModelAPI):
    """Minds of this package as models. They need no key and no network, and count four letters as a token.

    `commonweal/rehearsal-NAME` is a persona (see `rehearsal`), `commonweal/rehearsal` the fair one.

    - `delay`: seconds before each reply; 0.05 for `slow`, else none.
    - `calls`: the provider dies after so many.

    `flaky` is let through at once for one prompt in four; the others meet a 429, a reset, or both first.

    Raises:
        ValueError: no such mind, or an argument that it has no use for.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  (Inspect's own signature)
        *,
        delay: float | None = None,
        calls: float = math.inf,
        **unknown: Any,
    ):
        super().__init__(model_name, base_url, api_key, [], config)
        if unknown:
            raise ValueError(
                f"commonweal/{model_name} came with {sorted(unknown)}; wanted delay (seconds) or calls ("
                "until it dies): -M delay=0.1"
            )
        self._answer = self._mind()
        self._delay = (0.05 if model_name == f"{REHEARSAL}-slow" else 0.0) if delay is None else delay
        self._calls, self._made, self._tried = calls, 0, dict[str, int]()

    def _mind(self) -> Answer:
        """What answers: (system, turns) to text, or None for a reply that is withheld."""
        kind, _, persona = self.model_name.partition("-")
        if kind != REHEARSAL:
            from .seats import mind  # late: Inspect imports this file in every process, and JAX is slow

            mind(self.model_name)
            return _numb
        return partial(answer, find(persona or "fair").__name__)

    async def generate(self, input: list[ChatMessage], tools: Any, tool_choice: Any, config: GenerateConfig):
        system = "\n\n".join(message.text for message in input if message.role == "system")
        turns = [(message.role, message.text) for message in input if message.role != "system"]
        read = "\n".join([system, *(text for _, text in turns)])
        await self._work(read)
        said = self._answer(system, turns)
        stop = "stop" if said is not None else "content_filter"
        output = ModelOutput.from_content(self.model_name, said or "", stop)
        tokens = [-(-len(text) // 4) for text in (read, said or "")]
        output.usage = ModelUsage(
            input_tokens=tokens[0], output_tokens=tokens[1], total_tokens=sum(tokens), total_cost=0.0
        )
        return output

    async def _work(self, read: str) -> None:
        """What comes between a question and its answer: time, and trouble."""
        await anyio.sleep(self._delay)
        self._made += 1
        if self._made > self._calls:
            raise ConnectionError(f"the provider is dead: it lived for {self._calls:g} calls")
        if self.model_name == f"{REHEARSAL}-flaky":
            mark = hashlib.sha256(read.encode()).hexdigest()[:16]
            tried = self._tried[mark] = self._tried.get(mark, 0) + 1
            every = (Busy("429 Too Many Requests"), ConnectionResetError("connection reset by peer"))
            which = int(mark, 16) % 4  # bit by bit
            trouble = [error for bit, error in enumerate(every) if which >> bit & 1]
            if tried <= len(trouble):
                raise trouble[tried - 1]

    def should_retry(self, ex: Exception) -> RetryDecision:
        if isinstance(ex, Busy):
            return RetryDecision.rate_limit()
        return RetryDecision.transient() if isinstance(ex, ConnectionResetError) else RetryDecision.no()

    def retry_wait(self):
        return lambda state: 0.001  # nobody is there to wait for

    def max_connections(self) -> int:
        return 10_000

    async def count_text_tokens(self, text: str) -> int:
        return -(-len(text) // 4)
