"""The Diplomacy recordings of Peskov et al. 2020: each message labelled as meant by its sender, as taken by
its receiver.

A line is a dialogue of two players, in lists of equal length: `messages`, `speakers`, `receivers`,
`sender_labels` (true: meant as the truth), `receiver_labels` (true: believed; "NOANNOTATION": not said),
`game_score_delta` (the sender's supply centers less the receiver's; also `score_delta`); and `game_id`.
Dialogues of a game share players. Source: It takes two to lie, ACL 2020, arXiv 2004.07027.
"""

import os
from pathlib import Path
from typing import Any

from .conversation import JSON, Collector, Conversations, brief, files, pieces

LISTS = ("messages", "speakers", "receivers", "sender_labels", "receiver_labels")
DELTA = ("game_score_delta", "score_delta")
UNSAID = "NOANNOTATION"


def read_diplomacy(path: str | os.PathLike) -> Conversations:
    """The dialogues of a file, one a line, packed or not, or of all in a folder.

    Raises:
        ValueError: no file, or no message in any.
    """
    found, number, empty = Collector(Path(path).name, "Diplomacy dialogues"), 0, 0
    for file, label in files(path, *JSON):
        for where, value, fault in pieces(file, label, found.doubt):
            fault = fault or _fault(value)
            if fault:
                found.lost(where, fault)
            else:
                _dialogue(found, number, where, value)
                empty += not value["messages"]
            number += 1
    about = (
        f"{number:,} dialogues of two players read, {empty:,} of them without a message; groups are games."
    )
    return found.done(about)


def _fault(value: Any) -> str:
    """What is wrong with a dialogue, or ""."""
    lists = {key: value.get(key) for key in LISTS} if isinstance(value, dict) else {}
    lost = [key for key, some in lists.items() if not isinstance(some, list)] or (LISTS if not lists else ())
    if lost:
        return f"no list {', '.join(lost)}; wanted a dialogue with {', '.join(LISTS)}"
    lengths = {key: len(some) for key, some in lists.items() if some is not None}
    uneven = ", ".join(f"{n} {key}" for key, n in lengths.items())
    return "" if len(set(lengths.values())) == 1 else f"lists of different length: {uneven}"


def _dialogue(found: Collector, index: int, where: str, value: dict) -> None:
    """The messages of one dialogue."""
    delta = next((value[key] for key in DELTA if isinstance(value.get(key), list)), [])
    if delta and len(delta) != len(value["messages"]):
        found.doubt(where, f"{len(delta)} score differences for {len(value['messages'])} messages")
        delta = []
    ahead = delta or [None] * len(value["messages"])
    players = "-".join(sorted({str(one) for one in [*value["speakers"], *value["receivers"]]}))
    game = value.get("game_id")
    said = f"game {game}, {players}" if game is not None else players
    columns = zip(*(value[key] for key in LISTS), ahead, strict=True)
    for i, (text, speaker, to, honest, believed, gap) in enumerate(columns):
        found.message(
            f"{index}: {said}",
            speaker,
            f"{where}, message {i}",
            to=to,
            text=text,
            group=None if game is None else f"game {brief(game)}",
            honest=None if honest == UNSAID else honest,
            believed=None if believed == UNSAID else believed,
            ahead=gap,
        )
