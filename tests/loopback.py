"""An OpenAI-compatible server on the loopback, answered by a rehearsal's persona, with troubles on request.

    python tests/loopback.py [--persona fair] [--delay 0.05] [--trouble busy,reset,garbage] [--every 2]

`--every 1` lets every call meet a trouble. `--echo yes` says all that came beside the messages again, in the
error of every second call and in the notes of the others. `--redirect URL` sends everybody there.

prints its port and serves until its standard input closes. GET / tells how many calls were made, how
many were answered, and the most that were under way at once.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from commonweal.language.rehearsal import answer

TROUBLES = {
    "busy": b"HTTP/1.1 429 Too Many Requests\r\nretry-after-ms: 1\r\ncontent-length: 2\r\n\r\n{}",
    "broken": b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}",
    "garbage": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n<html>oh!",
    "denied": b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}",
    "wrong": b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
    "reset": b"",
}


class Server:
    """Answers chat completions; every second call, or all, meets the next trouble first."""

    def __init__(self, given: argparse.Namespace):
        self.persona, self.delay, self.every = given.persona, given.delay, given.every
        self.troubles = list(filter(None, given.trouble.split(",")))
        self.echo, self.elsewhere = given.echo, given.redirect
        self.made = self.answered = self.now = self.most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept for as many requests as come."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (x for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), b":0"
                )
                body = await reader.readexactly(int(length.split(b":")[1]))
                reply = await self.reply(head, body)
                if not reply:
                    break
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def reply(self, head: bytes, body: bytes) -> bytes:
        """The whole response to one request."""
        if not head.startswith(b"POST"):
            return http({"made": self.made, "answered": self.answered, "most": self.most})
        self.made += 1
        self.now += 1
        number = self.made
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.delay)
            if self.elsewhere and head.split()[1] != self.elsewhere.encode():
                moved = f"HTTP/1.1 307 Moved\r\nlocation: {self.elsewhere}\r\ncontent-length: 0\r\n\r\n"
                return moved.encode()
            if self.troubles and number % self.every == self.every - 1:
                return TROUBLES[self.troubles[number // 2 % len(self.troubles)]]
            asked = json.loads(body)
            came = head.decode() + json.dumps({k: x for k, x in asked.items() if k != "messages"})
            if self.echo and number % 2:
                return http({"error": {"message": f"This is wrong: {came}"}}, "400 Bad Request")
            turns = [(m["role"], text(m["content"])) for m in asked["messages"]]
            system = "\n\n".join(said for who, said in turns if who in ("system", "developer"))
            said = answer(self.persona, system, [turn for turn in turns if turn[0] in ("user", "assistant")])
            self.answered += 1
            said = json.dumps(json.loads(said or "{}") | {"notes": came}) if self.echo else said
            return http(completion(asked["model"], said, sum(len(said) for _, said in turns)))
        finally:
            self.now -= 1


def text(content) -> str:
    """The text of a message, which may come in parts."""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def completion(model: str, said: str | None, letters: int) -> dict:
    """A chat completion as the API has it."""
    message = {"role": "assistant", "content": said or "", "refusal": None}
    written = len(said or "") // 4
    usage = {
        "prompt_tokens": letters // 4,
        "completion_tokens": written,
        "total_tokens": letters // 4 + written,
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop" if said else "content_filter"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }


def http(found: dict, status: str = "200 OK") -> bytes:
    """A response with a JSON body."""
    body = json.dumps(found).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def running(**options):
    """The address of a server in a process of its own, which is stopped in the end."""
    command = [sys.executable, str(Path(__file__).resolve())]
    command += [f"--{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.communicate(timeout=10)


async def main() -> None:
    """Serve until whoever started this is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--persona", default="fair")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--trouble", default="")
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--echo", default="")
    parser.add_argument("--redirect", default="")
    server = Server(parser.parse_args())
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024, limit=2**24)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
