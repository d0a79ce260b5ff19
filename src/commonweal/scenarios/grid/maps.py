"""Maps as text, and the tables a world reads off them once: cells, neighbors, lanes of sight.

Letters: `#` wall, `.` ground, `P` ground where agents start, `A` apple, `a` ground where apples grow,
`r` river, `w` river with waste in it, `T` wall that can be claimed. Beyond the map all is wall, or, on a
torus, the other side. A cell is a number: row times stride plus column, margin included.
"""

import functools
from typing import NamedTuple

import numpy as np

NORTH, EAST, SOUTH, WEST = range(4)
ROWS, COLUMNS = np.array([-1, 0, 1, 0]), np.array([0, 1, 0, -1])  # one step north, east, south, west
LETTERS = "#.PAarwT"
GROUND, WALL, APPLE, WATER, WASTE, UNCLAIMED = 0, 1, 2, 3, 4, 7
NOWHERE = 2**30  # the position of what is out of sight

HARVEST = (
    "....A............A....",
    "...AAA..........AAA...",
    "..AAAAA..AAA...AAAAA..",
    "...AAA...AAA....AAA...",
    "....A............A....",
    "......................",
    ".P..P..P..P..P..P..P..",
    "...P..P..P..P..P..P...",
    ".P..P..P..P..P..P..P..",
    "...P..P..P..P..P..P...",
    "......................",
    "....A............A....",
    "...AAA....AAA...AAA...",
    "..AAAAA...AAA..AAAAA..",
    "...AAA..........AAA...",
    "....A............A....",
)
CLEANUP = tuple(
    ("wrwrwrr" if row % 2 else "rwrwrwr") + (".P..P..P..P..P." if row % 3 else "...............") + "aaaaaa"
    for row in range(19)
)
COINS = ("PPP", "PPP", "PPP")
TERRITORY = (
    "#######################################",
    "#......TT...........TT............T...#",
    "#..P...TT....TTT....TT....P...TT..T...#",
    "#......TT...........TT........TT......#",
    "#..TTT........P...........TT......P...#",
    "#..................TTTT...TT..........#",
    "#.......TT................TT...TTTT...#",
    "#.P.....TT..TT....P...................#",
    "#.......TT..TT...........P....TT......#",
    "#..TT...........TTT...........TT...P..#",
    "#..TT...................TT............#",
    "#........P....TT........TT......TTT...#",
    "#.............TT...P..................#",
    "#..TTTT.................P...TT........#",
    "#.........TTT...............TT....P...#",
    "#.................TTTT................#",
    "#..P..TT..............P........TT.....#",
    "#.....TT....TT............TTT..TT..P..#",
    "#...........TT.....TT.................#",
    "#..TTT..........P..TT....P....TTT.....#",
    "#......TT......................P......#",
    "#......TT.....P......P................#",
    "#######################################",
)


class Plan(NamedTuple):
    """What a map says; `C` cells with the margin, `S` apple, `R` river, `L` claimable, `K` start cells."""

    height: int
    width: int
    margin: int
    stride: int
    base: np.ndarray  # int32[C], what lies there when nothing grows and nobody stands there
    apples: np.ndarray  # int32[S]
    ripe: np.ndarray  # bool[S], at the start
    river: np.ndarray  # int32[R]
    dirty: np.ndarray  # bool[R], at the start
    claims: np.ndarray  # int32[L]
    starts: np.ndarray  # int32[K]
    ground: np.ndarray  # int32[F], all cells one can stand on
    ground_at: np.ndarray  # int32[C], the position in `ground`
    apple_at: np.ndarray  # int32[C], the position in `apples`; S where there is none
    near: np.ndarray  # float32[S, S], 1 for apple cells within the radius of each other
    steps: np.ndarray  # int32[C * 4], the cell one step away; itself where a wall is
    lanes: np.ndarray  # int32[C * 4, 2 * spread + 1], free cells ahead in each lane of a beam
    washed: np.ndarray  # int32[C * 4, m], the river cells a beam covers; R for others
    claimed: np.ndarray  # int32[C * 4], the claimable wall straight ahead in reach; L for none
    slots: np.ndarray  # uint[C], the position in river, apples, claims, one ground and one wall, in a row
    views: np.ndarray  # uint[F * 4 + 1, V * U], the slots in view by place and facing; last, only wall
    spots: np.ndarray  # int32[(2 * C + 1) * 4], where in view lies a cell so much higher, less C, by facing
    around: np.ndarray  # int32[F * 4, V * U], on a torus the cells in view


class Sizes(NamedTuple):
    """Sizes that shape the tables: the view, the beam, how near apples help each other."""

    ahead: int
    behind: int
    side: int
    reach: int
    spread: int
    radius: int
    torus: bool


@functools.lru_cache(maxsize=64)
def survey(rows: tuple[str, ...], sizes: Sizes) -> Plan:
    """All tables of a map.

    Raises:
        ValueError: rows of unequal length, a letter that means nothing.
    """
    strange = sorted({letter for row in rows for letter in row} - set(LETTERS))
    if not rows or strange or len({len(row) for row in rows}) != 1:
        raise ValueError(
            f"the map has rows of length {sorted({len(row) for row in rows})} and the letters {strange}; "
            f"wanted rows of one length, of {LETTERS!r}: Grid(rows=('P.A', 'P.A'))"
        )
    text = np.array([list(row) for row in rows])
    height, width = text.shape
    margin = 0 if sizes.torus else max(sizes.ahead, sizes.behind, sizes.side, 1)
    full = np.pad(text, margin, constant_values="#").ravel()
    stride = width + 2 * margin

    def cells(letters: str) -> np.ndarray:
        return np.flatnonzero(np.isin(full, list(letters))).astype(np.int32)

    base = np.zeros(full.size, np.int32)
    for some, code in (("#", WALL), ("rw", WATER), ("T", UNCLAIMED)):
        base[cells(some)] = code
    wall, beside = np.isin(full, list("#T")), _beside(full.size // stride, stride)
    steps = np.where(wall[beside] | wall[:, None], np.arange(full.size)[:, None], beside)
    apples, river, claims, ground = cells("Aa"), cells("rw"), cells("T"), cells(".PAarw")
    found = [_where(some, full.size) for some in (river, claims)]
    lanes, washed, claimed = _beams(wall, beside, sizes, *found)
    slots, around = _slots((river, apples, claims), wall), _around(ground, full.size // stride, stride, sizes)
    blind = np.full_like(slots, len(river) + len(apples) + len(claims) + 1, shape=(1, around.shape[1]))
    return Plan(
        height=height,
        width=width,
        margin=margin,
        stride=stride,
        base=base,
        apples=apples,
        ripe=full[apples] == "A",
        river=river,
        dirty=full[river] == "w",
        claims=claims,
        starts=cells("P"),
        ground=ground,
        ground_at=_where(ground, full.size),
        apple_at=_where(apples, full.size),
        near=_near(apples, stride, sizes.radius),
        steps=steps.ravel().astype(np.int32),
        lanes=lanes,
        washed=washed,
        claimed=claimed,
        slots=slots,
        views=np.concatenate([slots[around], blind]),
        spots=_spots(full.size, stride, sizes),
        around=around if sizes.torus else around[:0],
    )


def _where(cells: np.ndarray, size: int) -> np.ndarray:
    """The position of each cell in the list, its length where it is not in it."""
    found = np.full(size, len(cells), np.int32)
    found[cells] = np.arange(len(cells))
    return found


def _slots(lists: tuple[np.ndarray, ...], wall: np.ndarray) -> np.ndarray:
    """Uint[C]: each cell's position in these lists one after another; after them ground, then wall."""
    cells = np.concatenate(lists)
    found = np.where(wall, len(cells) + 1, len(cells))
    found[cells] = np.arange(len(cells))
    return found.astype(np.uint8 if len(cells) < 255 else np.uint16)


def _near(cells: np.ndarray, stride: int, radius: int) -> np.ndarray:
    """Which cells lie within j^2 + k^2 <= radius of each other, themselves not."""
    j, k = (x[:, None] - x[None] for x in (cells // stride, cells % stride))
    return ((j**2 + k**2 <= radius) & (j**2 + k**2 > 0)).astype(np.float32)


def _beside(height: int, width: int) -> np.ndarray:
    """[C, 4]: the next cell in each direction, round the edge."""
    cell = np.arange(height * width).reshape(height, width)
    return np.stack([np.roll(cell, (-r, -c), (0, 1)).ravel() for r, c in zip(ROWS, COLUMNS, strict=True)], 1)


def _beams(wall: np.ndarray, beside: np.ndarray, sizes: Sizes, river: np.ndarray, claims: np.ndarray):
    """How far a beam goes in each lane, the river cells it covers, the claimable wall it meets.

    Lanes start beside the agent and stop at walls. `river` and `claims` give each cell's position.
    """
    size, width = len(wall), 2 * sizes.spread + 1
    lanes = np.zeros((size, 4, width), np.int32)
    washed = np.full((size, 4, width, sizes.reach), river.max(), np.int32)
    met = np.full((size, 4), claims.max(), np.int32)
    for facing in range(4):
        for lane in range(width):
            aside = lane - sizes.spread
            here, free = np.arange(size), ~wall
            for _ in range(abs(aside)):
                here = beside[here, (facing + (1 if aside > 0 else 3)) % 4]
                free = free & ~wall[here]
            for k in range(sizes.reach):
                here = beside[here, facing]
                met[:, facing] = np.where(free & (aside == 0) & wall[here], claims[here], met[:, facing])
                free = free & ~wall[here]
                lanes[:, facing, lane] += free
                washed[:, facing, lane, k] = np.where(free, river[here], river.max())
    return lanes.reshape(size * 4, -1), washed.reshape(size * 4, -1), met.ravel()


def _seen(sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Int[V, U] each: how far ahead and to the right what is in view lies; farthest ahead, left, first."""
    forward, right = np.arange(sizes.ahead, -sizes.behind - 1, -1), np.arange(-sizes.side, sizes.side + 1)
    forward, right = np.meshgrid(forward, right, indexing="ij")
    return forward, right


def _spots(size: int, stride: int, sizes: Sizes) -> np.ndarray:
    """Int32[(2 * size + 1) * 4]: the position in view by how much higher the cell's number is, and facing."""
    found, step = np.full((2 * size + 1, 4), NOWHERE, np.int32), ROWS * stride + COLUMNS
    forward, right = _seen(sizes)
    for facing in range(4):
        gap = forward * step[facing] + right * step[(facing + 1) % 4]
        found[gap.ravel() + size, facing] = np.arange(gap.size)
    return found.ravel()


def _around(ground: np.ndarray, height: int, width: int, sizes: Sizes) -> np.ndarray:
    """Int32[F * 4, V * U]: the cells in view from each, by facing, round the edge."""
    forward, right = _seen(sizes)
    facing, cell = np.arange(4)[None, :, None, None], ground[:, None, None, None]
    turned = (facing + 1) % 4
    rows = cell // width + ROWS[facing] * forward + ROWS[turned] * right
    columns = cell % width + COLUMNS[facing] * forward + COLUMNS[turned] * right
    found = rows % height * width + columns % width
    return found.reshape(-1, forward.size).astype(np.int32)
