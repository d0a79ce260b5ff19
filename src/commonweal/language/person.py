"""A person at the terminal, who reads what a model would read and types one line for each choice."""

import asyncio
import json
import threading
from collections.abc import Callable

from .._mind import Speaker
from .._profile import Profile
from .._prompt import Prompt, Said


class Person(Speaker):
    """Somebody at the keyboard: reads the rules once a world, then each tick's news, and types the acts.

    An empty line is silence; a line that begins with `refuse` is a refusal, with what follows as its
    reason. One is asked at a time, and all the time in the world is given.

    - `read`, `write`: where lines come from and where text goes; the terminal by default.
    """

    attempts = 1
    patience = total = 7 * 24 * 3600.0

    def __init__(
        self,
        profile: Profile | None = None,
        *,
        read: Callable[[str], str] = input,
        write: Callable[[str], None] = print,
    ):
        self.profile, self._read, self._write = profile, read, write
        self._told: set[tuple[int, int]] = set()
        self._turn: tuple[object, asyncio.Lock] | None = None

    def settings(self):
        return {"profile": self.profile}

    async def ask(self, prompt: Prompt) -> Said:
        loop = asyncio.get_running_loop()
        if self._turn is None or self._turn[0] is not loop:
            self._turn = loop, asyncio.Lock()
        async with self._turn[1]:
            done: asyncio.Future[Said] = loop.create_future()

            def sit():
                try:
                    said = self._sit(prompt)
                except Exception as error:  # noqa: BLE001  (it belongs to whoever waits)
                    loop.call_soon_threadsafe(done.set_exception, error)
                else:
                    loop.call_soon_threadsafe(done.set_result, said)

            threading.Thread(target=sit, daemon=True).start()  # a keyboard that nobody touches ends nothing
            return await done

    def _sit(self, prompt: Prompt) -> Said:
        where = prompt.where
        if (where.seed, where.seat) not in self._told:
            self._told.add((where.seed, where.seat))
            self._write(f"\nWorld {where.seed}, you are agent {where.seat}.\n{prompt.system}")
        self._write("\n" + prompt.turns[-1][1])
        acts = {}
        for name in prompt.choices:
            line = self._read(f"{name}> ").strip()
            if line.split(" ")[0].casefold() == "refuse":
                return Said(json.dumps({"refusal": line[len("refuse") :].strip() or "no reason given"}))
            acts[name] = line
        return Said(json.dumps(acts))
