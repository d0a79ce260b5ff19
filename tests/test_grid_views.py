"""What agents see: the window turns with them, its text says what its codes say, pictures are pictures."""

import struct
import zlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from commonweal.scenarios import cleanup, coins, harvest, territory
from commonweal.scenarios.grid import draw, maps, views

N, E, S, W = range(4)
ROWS = ("A...#", "..P.P", "P....", "A.A.P")


def put(game, *agents, **changes):
    """A state with agents at (row, column, facing), and other leaves as given."""
    state, plan = game.init(jax.random.key(0)), game.plan
    cells = [(row + plan.margin) * plan.stride + column + plan.margin for row, column, _ in agents]
    leaves = dict(place=jnp.array(cells), facing=jnp.array([a[2] for a in agents])) | changes
    for name, value in leaves.items():
        state = eqx.tree_at(lambda s, name=name: getattr(s, name), state, value)
    return state


def seen(game, state, agent=0):
    """One agent's window as text."""
    return views.letters(game.observe(state)["view"][agent])


@pytest.mark.parametrize("facing", range(4))
def test_the_window_is_the_map_turned_the_agents_way(facing):
    game = harvest(rows=ROWS, n_agents=2, ahead=2, behind=0, side=2)
    state = put(game, (1, 2, facing), (1, 4, N))
    view = np.asarray(game.observe(state)["view"][0])
    full = np.pad(np.array([list(row) for row in ROWS]), 2, constant_values="#")
    around = np.rot90(full[1:6, 2:7], facing)  # five by five about (1, 2), turned so that ahead is up
    letters = np.array([[views.CODES[code][1] for code in row] for row in view])
    for some in "#A":
        assert (letters == some).tolist() == (around[:3] == some).tolist()
    assert letters[2, 2] == "@"


def test_another_agent_is_seen_facing_as_the_viewer_would_say():
    game = harvest(rows=("PP.",), n_agents=2, ahead=1, behind=1, side=1)
    arrows = {}
    for mine in range(4):
        for theirs in range(4):
            text = seen(game, put(game, (0, 0, mine), (0, 1, theirs)))
            arrows[mine, theirs] = next(c for c in text if c in "^>v<")
    assert [arrows[N, theirs] for theirs in (N, E, S, W)] == list("^>v<")
    assert all(arrows[m, t] == "^>v<"[(t - m) % 4] for m, t in arrows)


def test_coins_are_told_apart_by_owner_and_the_torus_has_no_edge():
    game = coins()
    state = put(game, (0, 0, N), (1, 1, N), coins=jnp.array([2, 6]))
    sights = game.observe(state)["view"]
    assert int(sights[0][1, 0]) == views.OWN_COIN  # cell (0, 2) lies west of (0, 0), round the edge
    assert int(sights[0][0, 1]) == views.OTHERS_COIN  # cell (2, 0) lies north of it
    assert int(sights[1][0, 2]) == views.OTHERS_COIN and int(sights[1][2, 0]) == views.OWN_COIN
    both = put(game, (0, 0, N), (0, 0, N), coins=jnp.array([2, 6]))  # they share a cell
    assert int(game.observe(both)["view"][0][1, 1]) == views.AGENT


def test_claimed_walls_are_own_or_anothers():
    game = territory(rows=("T.T", "P.P"), n_agents=2, ahead=1, behind=0, side=2)
    state = put(game, (1, 0, N), (1, 2, N), claims=jnp.array([0, 1]))
    assert seen(game, state, 0) == "##m.t\n##@.^" and seen(game, state, 1) == "t.m##\n^.@##"
    state = put(game, (1, 0, N), (1, 2, N), claims=jnp.array([-1, 0]))
    assert seen(game, state, 0) == "##+.m\n##@.^"


def test_who_is_away_is_not_seen_and_who_is_frozen_is():
    game = harvest(rows=("PP.",), n_agents=2, ahead=0, behind=0, side=1)
    away = put(game, (0, 0, N), (0, 1, N), out=jnp.array([0, 3]))
    assert seen(game, away) == "#@."
    game = harvest(rows=("PP.",), n_agents=2, ahead=0, behind=0, side=1, zapping="freeze")
    assert seen(game, put(game, (0, 0, N), (0, 1, N), out=jnp.array([0, 3]))) == "#@z"


@pytest.mark.parametrize("sees", ["planes", "pixels"])
def test_who_is_away_sees_nothing_and_is_told_so(sees):
    game = cleanup(n_agents=3, sees=sees)
    before = game.init(jax.random.key(1))
    one, other = (
        eqx.tree_at(lambda s: (s.place, s.facing, s.out), before, (place, facing, jnp.array([0, 4, 0])))
        for place, facing in ((before.place, before.facing), (before.place[::-1], 3 - before.facing))
    )
    sight, elsewhere = game.observe(one), game.observe(other)
    for name, fact in sight.facts.items():  # wherever it was hit, it has the same to go by
        assert np.array_equal(fact[1], elsewhere[name][1]), name
        assert name == "out" or not np.array_equal(fact[0], elsewhere[name][0]), name
    assert (sight["view"][1] == maps.WALL).all() and sight["spot"][1].tolist() == [-1, -1]
    assert int(sight["facing"][1]) == 0
    told = [game.tell(jax.tree.map(lambda x, a=agent: np.asarray(x)[a], sight)) for agent in (0, 1)]
    assert told[1] == "You cannot act for 4 more rounds. You are away and see nothing."
    assert told[0].startswith("You are in row")


def test_who_is_frozen_sees_on_and_is_told_what():
    game = cleanup(n_agents=2, zapping="freeze")
    awake = game.init(jax.random.key(1))
    frozen = eqx.tree_at(lambda s: s.out, awake, jnp.array([0, 4]))
    told = [
        game.tell(jax.tree.map(lambda x: np.asarray(x)[1], game.observe(state))) for state in (awake, frozen)
    ]
    assert told[1] == "You cannot act for 4 more rounds. " + told[0]


@pytest.mark.slow
def test_the_text_says_what_the_codes_say():
    game = cleanup()
    state = game.init(jax.random.key(3))
    sights = game.observe(state)
    for agent in range(game.n_agents):
        told = game.tell(jax.tree.map(lambda x, a=agent: np.asarray(x)[a], sights))
        head, *lines = told.split("\n")
        by_letter = {letter: code for code, (_, letter, _) in enumerate(views.CODES)}
        assert np.array_equal([[by_letter[c] for c in line] for line in lines], sights["view"][agent])
        row, column = sights["spot"][agent]
        assert f"row {row}, column {column}, facing" in head
        assert maps.CLEANUP[int(row)][int(column)] == "P"


@pytest.mark.slow
def test_planes_and_pixels_follow_from_the_codes():
    game = harvest(rows=("PAA",), n_agents=1, ahead=1, behind=0, side=2)
    state = put(game, (0, 0, E))
    for sees in ("planes", "pixels"):
        assert sees not in game.observe(state).facts
    more = harvest(rows=("PAA",), n_agents=1, ahead=1, behind=0, side=2, sees="planes").observe(state)
    assert (more["planes"].argmax(axis=-1) == more["view"].astype(jnp.int32)).all() and (
        more["planes"].sum(axis=-1) == 1
    ).all()
    more = harvest(rows=("PAA",), n_agents=1, ahead=1, behind=0, side=2, sees="pixels").observe(state)
    assert more["pixels"][0, 0, 2].tolist() == list(views.CODES[maps.APPLE][2])


def test_codes_have_their_own_letters():
    assert len({letter for _, letter, _ in views.CODES}) == len(views.CODES) == 16


def test_a_picture_shows_agents_in_their_colors_and_becomes_a_png(tmp_path):
    game = cleanup(n_agents=3)
    state = game.init(jax.random.key(0))
    shown = draw.image(game, state, size=12)
    assert shown.shape == (19 * 12, 28 * 12, 3) and shown.dtype == np.uint8
    for color in draw.PEOPLE[:3]:
        assert (shown == np.array(color, np.uint8)[None, None]).all(axis=-1).any()
    assert not (shown == np.array(draw.PEOPLE[3], np.uint8)[None, None]).all(axis=-1).any()
    path = tmp_path / "world.png"
    draw.png(shown, path)
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", data[16:24]) == (28 * 12, 19 * 12)
    start = data.index(b"IDAT")
    size = struct.unpack(">I", data[start - 4 : start])[0]
    lines = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + size]), np.uint8).reshape(19 * 12, -1)
    assert np.array_equal(lines[:, 1:].reshape(shown.shape), shown)


def test_a_beam_shines_in_the_picture():
    game = harvest(rows=("P...",), n_agents=1)
    dark = draw.image(game, put(game, (0, 0, E)), 10)
    lit = draw.image(game, put(game, (0, 0, E), did=jnp.array([game.acts.index("zap")])), 10)
    differs = (dark != lit).any(axis=(0, 2)).reshape(4, 10).any(axis=1)
    assert differs.tolist() == [False, True, True, True]
