"""Language minds against a server: a society through our engine, and the same calls by Inspect alone."""

import asyncio
import gc
import os
import resource
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
os.environ["LOOPBACK_API_KEY"] = "none"


NAME = "openai-api/loopback/any"
QUIET = {"max_connections": 1000, "temperature": 1.0, "max_tokens": 100}


def cpu():
    """Seconds this process has computed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def both(agents, worlds, rounds, delay, pairs):
    """Ours and Inspect alone in turns, in one process: medians, and the median of the pairs' differences."""
    calls, ours = society(agents, worlds, rounds, delay)
    _, alone = bare(agents, worlds, rounds, delay)

    def timed(play):
        began = time.perf_counter()
        return [play()["cpu ms"], calls / (time.perf_counter() - began)]

    def pair(i):
        """Each goes first in turn: what runs second finds the caches full of the other's."""
        found = {side: timed(side) for side in ((ours, alone), (alone, ours))[i % 2]}
        return found[ours] + found[alone]

    def play():
        gc.collect()
        gc.freeze()  # else now and then one side pays for a collection of all that JAX has loaded
        pairs_of = [pair(i) for i in range(pairs)]
        gc.unfreeze()
        cost, rate, cost_alone, rate_alone = (median(x) for x in zip(*pairs_of, strict=True))
        share = median(x[0] - x[2] for x in pairs_of)
        told = {"cpu ms": cost, "calls/s": rate, "cpu ms alone": cost_alone, "calls/s alone": rate_alone}
        return told | {
            "share": share,
            "least": min(x[1] for x in pairs_of),
            "most": max(x[1] for x in pairs_of),
        }

    return calls * 2 * pairs, play


def society(agents, worlds, rounds, delay):
    """All agents of all worlds in flight; what a decision costs, and how many were under way at once."""
    from loopback import running

    import commonweal as cw
    from commonweal.language import LLM
    from commonweal.scenarios import Commons

    server = running(delay=delay)
    url = server.__enter__()
    lake = Commons(n_agents=agents, horizon=rounds, assignment="proportional")
    told = cw.Society(lake, LLM(NAME, args=_args(url), config=QUIET, memory=0))
    cw.run(cw.Society(lake, LLM("commonweal/rehearsal-fair")))  # compiles

    def play():
        began = cpu()
        trace = cw.run(told, worlds)
        calls = trace.replies.height
        assert trace.valid.all() and calls == agents * worlds * rounds
        return {"cpu ms": 1e3 * (cpu() - began) / calls}

    play.server = server  # it lives as long as the work
    play()  # connections, and what is compiled for so many worlds
    return agents * worlds * rounds, play


def bare(agents, worlds, rounds, delay):
    """The same calls, each wave awaited before the next, by Inspect's `generate` over the same transport."""
    from loopback import running

    import commonweal as cw
    from commonweal.language.inspect import inspect_ai
    from commonweal.language.llm import LLM, _transport
    from commonweal.scenarios import Commons

    server = running(delay=delay)
    url, lib = server.__enter__(), inspect_ai()
    lake = Commons(n_agents=agents, horizon=1, assignment="proportional")
    prompts = []

    class Seen(cw.Speaker):
        async def ask(self, prompt):
            prompts.append(prompt)
            return cw.Said('{"take": 1}')

    cw.run(cw.Society(lake, [Seen()] * agents))
    asked = prompts[0]

    async def wave():
        config = LLM(NAME, config=QUIET)._config(asked.schema)  # as ours: timeouts, retries, the schema
        model = lib.model.get_model(NAME, memoize=False, **_transport(NAME), **_args(url))

        async def one():
            chat = [lib.model.ChatMessageSystem(content=asked.system)]
            chat += [lib.model.ChatMessageUser(content=asked.turns[-1][1])]
            return (await model.generate(chat, config=config)).completion

        async def line():
            for _ in range(rounds):
                await asyncio.gather(*(one() for _ in range(agents)))

        await asyncio.gather(*(line() for _ in range(worlds)))
        await model.api.aclose()

    def play():
        began = cpu()
        asyncio.run(wave())
        return {"cpu ms": 1e3 * (cpu() - began) / (agents * worlds * rounds)}

    play.server = server
    play()
    return agents * worlds * rounds, play


def _args(url):
    return {"base_url": url}


def silent(scene, rounds):
    """A world of speakers that answer at once: what our own loop takes, early and late."""
    import json

    import commonweal as cw
    from commonweal.scenarios import Commons, Earthquake

    class Instant(cw.Speaker):
        async def ask(self, prompt):
            asked = prompt.schema["properties"]
            return cw.Said(json.dumps({name: asked[name].get("enum", [1])[0] for name in prompt.choices}))

    marks = []

    class Watch(cw.Observer):
        def settled(self, seed, t, row):
            marks.append(cpu())

    scenes = {
        "commons": lambda: Commons(n_agents=5, horizon=rounds, assignment="proportional"),
        "earthquake": lambda: Earthquake(rounds=rounds // 4, staged=True),
    }
    told = cw.Society(scenes[scene](), Instant())
    asked = cw.run(told).replies.height

    def once():
        marks.clear()
        began = cpu()
        cw.run(told, observer=Watch())
        tenth = rounds // 10
        early, late = marks[tenth] - marks[0], marks[-1] - marks[-1 - tenth]
        return 1e3 * (cpu() - began) / asked, late / early

    def play():
        cost, flat = (median(x) for x in zip(*(once() for _ in range(5)), strict=True))
        return {"cpu ms": cost, "late / early": flat}

    return 5 * asked, play
