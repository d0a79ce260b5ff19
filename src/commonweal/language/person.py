"""A person at the terminal, who reads what a model would read and types one line for each choice."""

import asyncio
import json
import threading
from collections.abc import Callable

from .._mind import Speaker
from .._plain import shown, tell
from .._profile import Profile
from .._prompt import Prompt, Said

TERMINAL = threading.Lock()  # there is one, whoever sits at it


class Person(Speaker):
    """Somebody at the keyboard: reads the rules once a world, then each tick's news, and types the acts.

    Nothing typed where words are free is silence; elsewhere the question comes again. A line that begins
    with `refuse` is a refusal, with what follows as its reason. One is asked at a time, and is given a week.

    - `read`, `write`: where lines come from and where text goes; the terminal by default.
    """

    attempts = 1
    patience = total = 7 * 24 * 3600.0

    def __init__(
        self,
        profile: Profile | None = None,
        *,
        read: Callable[[str], str] = input,
        write: Callable[[str], None] = tell,
    ):
        self.profile, self._read, self._write = profile, read, write
        self._told: set[tuple[int, int, str]] = set()

    def settings(self):
        return {"profile": self.profile}

    async def ask(self, prompt: Prompt) -> Said:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Said] = loop.create_future()

        def sit():
            try:
                with TERMINAL:
                    said = self._sit(prompt)
            except Exception as error:  # noqa: BLE001  (it belongs to whoever waits)
                loop.call_soon_threadsafe(done.set_exception, error)
            else:
                loop.call_soon_threadsafe(done.set_result, said)

        threading.Thread(target=sit, daemon=True).start()  # a keyboard that nobody touches ends nothing
        return await done

    def _sit(self, prompt: Prompt) -> Said:
        where = prompt.where
        known = (where.seed, where.seat, prompt.system)
        if known not in self._told:
            self._told.add(known)
            self._write(f"\nWorld {where.seed}, you are agent {where.seat}.\n{prompt.system}")
        self._write("\n" + prompt.turns[-1][1])
        acts = {}
        for name in prompt.choices:
            kind, line = prompt.schema["properties"][name], ""
            while not line:
                line = self._read(f"{shown(name)}> ").strip()
                if kind["type"] == "string" and "enum" not in kind:
                    break  # nothing said
            if line.split(" ")[0].casefold() == "refuse":
                return Said(json.dumps({"refusal": line[len("refuse") :].strip() or "no reason given"}))
            acts[name] = line
        return Said(json.dumps(acts))
