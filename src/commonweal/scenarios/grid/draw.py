"""A grid world for people: as text, as an image, as a PNG file."""

import struct
import zlib
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from .maps import APPLE, GROUND, UNCLAIMED, WALL, WASTE, WATER
from .rules import covered
from .views import AGENT, ASLEEP, CODES, OWNED, away, shared_codes
from .world import Field, Grid

# Agents' colors, distinct also for most color-blind people (Okabe and Ito 2008), then three more.
PEOPLE = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0))
PEOPLE += ((120, 94, 240), (60, 60, 60), (140, 180, 40))
BEAMS = {"zap": (252, 214, 68), "clean": (255, 255, 255), "claim": (255, 170, 90)}
ORCHARD = (224, 234, 206)  # ground where apples grow
ARROWS = "^>v<"


def _codes(game: Grid, state: Field) -> np.ndarray:
    """int[H, W]: the shared codes without the margin."""
    plan = game.plan
    grid = np.asarray(shared_codes(plan, game, state)).reshape(-1, plan.stride)
    return grid[plan.margin : plan.margin + plan.height, plan.margin : plan.margin + plan.width]


def text(game: Grid, state: Field) -> str:
    """The whole map as letters: `^>v<` agents by facing, digits coins by owner, `a`.. walls by owner."""
    n, rows = game.n_agents, []
    for row in _codes(game, state):
        line = ""
        for code in row:
            if AGENT <= code < AGENT + 4:
                line += ARROWS[code - AGENT]
            elif code >= OWNED:
                line += str(code - OWNED) if code < OWNED + n else chr(ord("a") + code - OWNED - n)
            else:
                line += "z" if code == ASLEEP else CODES[code][1]
        rows.append(line)
    return "\n".join(rows)


def _beamed(game: Grid, state: Field) -> dict[int, tuple[int, int, int]]:
    """The cells that beams covered in the last tick, each with the beam's color."""
    plan = game.plan
    lit = {}
    under = np.asarray(covered(plan, state.place, state.facing, jnp.arange(len(plan.base))))
    for agent, did in enumerate(np.asarray(state.did)):
        if color := BEAMS.get(game.acts[did]):
            lit |= {int(cell): color for cell in np.flatnonzero(under[agent])}
    return lit


def _disc(size: int, radius: float, y: float = 0.5, x: float = 0.5) -> np.ndarray:
    """Float[size, size]: how much of each pixel a disc covers, its edge smoothed."""
    rows, columns = (np.mgrid[0:size, 0:size] + 0.5) / size
    return np.clip((radius - np.hypot(rows - y, columns - x)) * size + 0.5, 0.0, 1.0)


def _paint(tile: np.ndarray, cover: np.ndarray, color) -> None:
    """Lay a color over a tile where the cover says so."""
    tile += cover[..., None] * (np.asarray(color, float) - tile)


def _agent(tile: np.ndarray, color, facing: int | None) -> None:
    """A disc with a light wedge where it looks; without one where it cannot act or has no facing."""
    size = len(tile)
    _paint(tile, _disc(size, 0.44), (40, 40, 46))
    _paint(tile, _disc(size, 0.39), color)
    if facing is None:
        return
    rows, columns = (np.mgrid[0:size, 0:size] + 0.5) / size - 0.5
    ahead, aside = ((-rows, columns), (columns, rows), (rows, -columns), (-columns, -rows))[facing]
    wedge = np.clip((0.34 - ahead - 1.5 * np.abs(aside)) * size, 0, 1) * (ahead > 0.02)
    _paint(tile, wedge, (255, 255, 255))


def image(game: Grid, state: Field, size: int = 20) -> np.ndarray:
    """The whole map, uint8[H * size, W * size, 3]; beams of the last tick shine."""
    plan, n, codes = game.plan, game.n_agents, _codes(game, state)
    margin, lit = plan.margin, _beamed(game, state)
    base = plan.base.reshape(-1, plan.stride)[margin : margin + plan.height, margin : margin + plan.width]
    tiles = np.zeros((plan.height, plan.width, size, size, 3))
    gone = np.asarray(away(game, state))
    who = {int(cell): i for i, cell in enumerate(np.asarray(state.place)) if not gone[i]}
    for row in range(plan.height):
        for column in range(plan.width):
            tile, code = tiles[row, column], int(codes[row, column])
            cell = (row + margin) * plan.stride + column + margin
            under = CODES[WATER if base[row, column] == WATER else GROUND][2]
            under = ORCHARD if plan.apple_at[cell] < len(plan.apples) else under
            tile[:] = CODES[code][2] if code in (WALL, UNCLAIMED) else under
            if code not in (WALL, UNCLAIMED):  # a faint grid, to count by
                tile[-1:], tile[:, -1:] = tile[-1:] * 0.96, tile[:, -1:] * 0.96
            if cell in lit:
                _paint(tile, np.full((size, size), 0.6), lit[cell])
            if code == APPLE:
                _paint(tile, _disc(size, 0.32, 0.56), CODES[APPLE][2])
                _paint(tile, _disc(size, 0.11, 0.22, 0.6), (76, 140, 60))
            elif code == WASTE:
                _paint(tile, _disc(size, 0.34), CODES[WASTE][2])
                _paint(tile, _disc(size, 0.15, 0.4, 0.4), (160, 130, 88))
            elif OWNED <= code < OWNED + n:
                _paint(tile, _disc(size, 0.34), (70, 60, 30))
                _paint(tile, _disc(size, 0.28), PEOPLE[(code - OWNED) % len(PEOPLE)])
            elif code >= OWNED + n:
                tile[:] = PEOPLE[(code - OWNED - n) % len(PEOPLE)]
                tile[1:-1, 1:-1] = tile[1:-1, 1:-1] * 0.75 + 64.0
            if cell in who:
                i = who[cell]
                looks = game.turning and code != ASLEEP
                _agent(tile, PEOPLE[i % len(PEOPLE)], int(state.facing[i]) if looks else None)
    joined = tiles.transpose(0, 2, 1, 3, 4).reshape(plan.height * size, plan.width * size, 3)
    return np.round(joined).astype(np.uint8)


def png(pixels: np.ndarray, path: Path | str) -> None:
    """Write uint8[H, W, 3] as a PNG file (ISO/IEC 15948)."""
    height, width, _ = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)), chunk(b"IEND", b"")]
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
