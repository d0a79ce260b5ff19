"""Grid worlds as transcripts: small maps before and after acts worked by hand, and rates by the tables."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tracing import make_trace

import commonweal as cw
from commonweal import minds
from commonweal.measures import peace, sustainability
from commonweal.minds import Forager
from commonweal.scenarios import Grid, cleanup, coins, harvest, territory
from commonweal.scenarios.grid import draw, maps

N, E, S, W = range(4)
WALK = ("stay", "forward", "back", "left", "right", "turn left", "turn right")


def put(game, *agents, key=0, **changes):
    """A state with agents at (row, column, facing), and other leaves as given."""
    state = game.init(jax.random.key(key))
    plan = game.plan
    cells = [(row + plan.margin) * plan.stride + column + plan.margin for row, column, _ in agents]
    leaves = dict(place=jnp.array(cells), facing=jnp.array([a[2] for a in agents])) | changes
    for name, value in leaves.items():
        state = eqx.tree_at(lambda s, name=name: getattr(s, name), state, value)
    return state


@eqx.filter_jit
def tick(game, state, acts, key):
    """One compiled step."""
    return game.step(state, {"move": acts}, key)


def play(game, state, *acts, key=1):
    """The state and outcome after one tick of named acts."""
    return tick(game, state, jnp.array([game.acts.index(a) for a in acts], jnp.int32), jax.random.key(key))


def world(*rows, n=1, acts=(*WALK, "zap"), **more):
    """A small harvest in which nothing grows."""
    return harvest(rows=rows, n_agents=n, acts=acts, regrowth=(0.0,) * 4, **more)


# ------------------------------------------------------------------------------------- walking


@pytest.mark.parametrize(
    ("act", "after"),
    [
        ("stay", "...\n.>.\n..."),
        ("forward", "...\n..>\n..."),
        ("back", "...\n>..\n..."),
        ("left", ".>.\n...\n..."),
        ("right", "...\n...\n.>."),
        ("turn left", "...\n.^.\n..."),
        ("turn right", "...\n.v.\n..."),
    ],
)
def test_an_agent_that_faces_east_walks_its_own_way(act, after):
    game = world("...", ".P.", "...")
    state, _ = play(game, put(game, (1, 1, E)), act)
    assert draw.text(game, state) == after


def test_walls_and_the_edge_of_the_map_stop_a_walk():
    game = world("P#.", "...")
    for act in ("forward", "left", "back"):  # faces east: a wall, the edge, the edge
        state, _ = play(game, put(game, (0, 0, E)), act)
        assert draw.text(game, state) == ">#.\n..."


@pytest.mark.slow
def test_on_a_torus_an_agent_leaves_on_one_side_and_enters_on_the_other():
    game = coins()
    state, _ = play(game, put(game, (0, 0, N), (1, 1, N), coins=jnp.array([5, 7])), "north", "west")
    assert draw.text(game, state) == "...\n^.0\n^1."
    state, _ = play(game, put(game, (0, 0, N), (2, 2, N), coins=jnp.array([4, 7])), "west", "south")
    assert draw.text(game, state) == "..^\n.0.\n.1."  # both in one cell: here nobody is in the way


def test_of_two_who_want_a_cell_one_gets_it_and_each_as_often():
    game = world("...", "P.P", n=2)
    before = put(game, (1, 0, E), (1, 2, W))
    keys = jax.random.split(jax.random.key(0), 2000)
    acts = jnp.full(2, game.acts.index("forward"), jnp.int32)
    after = jax.jit(jax.vmap(lambda k: game.step(before, {"move": acts}, k)[0].place))(keys)
    moved = np.asarray(after) != np.asarray(before.place)[None]
    assert (moved.sum(axis=1) == 1).all()
    assert moved[:, 0].mean() == pytest.approx(0.5, abs=0.045)  # 4 SD of a binomial share


def test_nobody_enters_a_cell_that_was_taken_nor_swaps():
    game = world("PP.", n=2)
    state, _ = play(game, put(game, (0, 0, E), (0, 1, E)), "forward", "forward")
    assert draw.text(game, state) == ">.>"  # the second left; the first may not follow at once
    state, _ = play(game, put(game, (0, 0, E), (0, 1, W)), "forward", "forward")
    assert draw.text(game, state) == "><."


def test_agents_never_share_a_cell_whatever_they_do(getkey):
    game = world("PPP.", "PPP.", "....", n=6, zap_pay=0.0)
    state = game.init(getkey())
    for _ in range(60):
        state, _ = tick(game, state, jax.random.randint(getkey(), (6,), 0, 8), getkey())
        here = np.asarray(state.place)[np.asarray(state.out) == 0]
        assert len(set(here)) == len(here)


# --------------------------------------------------------------------------------------- beams


def test_a_zap_hits_ahead_and_beside_but_not_behind_a_wall():
    rows = ("P.P..", "P#P..", "PP...")
    game = world(*rows, n=5, timeout=4.0)
    before = put(game, (1, 0, N), (0, 0, E), (0, 2, S), (1, 2, W), (2, 1, N))
    state, outcome = play(game, before, "stay", "zap", "stay", "stay", "stay")
    assert outcome.events["was_hit"].tolist() == [0, 0, 1, 0, 0]  # in lane, in range
    assert outcome.pay.tolist() == [0, -1, -50, 0, 0]
    assert state.out.tolist() == [0, 0, 4, 0, 0]
    assert draw.text(game, state) == ">....\n^#<..\n.^..."
    _, outcome = play(game, before, "stay", "stay", "stay", "zap", "stay")  # faces west, into the wall
    assert outcome.events["was_hit"].tolist() == [0, 1, 0, 0, 1]  # not whom the wall hides, but beside it
    _, outcome = play(game, before, "stay", "stay", "zap", "stay", "stay")  # faces south
    assert outcome.events["was_hit"].tolist() == [0, 0, 0, 1, 0]


@pytest.mark.parametrize("reach", [1, 2, 4])
def test_a_beam_ends_at_its_reach(reach):
    game = world("P.P..", n=2, reach=reach)
    _, outcome = play(game, put(game, (0, 0, E), (0, 2, W)), "zap", "stay")
    assert outcome.events["was_hit"].tolist() == [0, float(reach >= 2)]


@pytest.mark.slow
def test_whoever_is_hit_is_away_then_comes_back_at_a_start_cell():
    game = world("P.P", n=2, timeout=3.0)
    state, _ = play(game, put(game, (0, 0, E), (0, 2, W)), "zap", "zap")  # both at once
    assert state.out.tolist() == [3, 3] and draw.text(game, state) == "..."
    assert game.observe(state).legal["move"].tolist() == [[True] + [False] * 7] * 2
    for left in (2, 1, 0):
        state, outcome = play(game, state, "forward", "zap", key=left)
        assert state.out.tolist() == [left, left] and outcome.pay.tolist() == [0, 0]
    assert sorted(np.flatnonzero([c in "^>v<" for c in draw.text(game, state)])) == [0, 2]


def test_who_comes_back_waits_while_every_start_cell_is_taken():
    game = world("PP.", n=2, timeout=1.0)
    before = put(game, (0, 0, E), (0, 2, W), out=jnp.array([0, 1]))
    state, _ = play(game, before, "stay", "stay", key=1)
    for key in range(2, 40):  # the other start cell comes up soon
        if not state.out[1]:
            break
        assert draw.text(game, state) == ">.."
        state, _ = play(game, state, "stay", "stay", key=key)
    assert draw.text(game, state) in (">^.", ">>.", ">v.", "><.")


def test_frozen_agents_stand_in_the_way_and_cannot_act():
    game = world("PP.", n=2, zapping="freeze", timeout=2.0)
    state, outcome = play(game, put(game, (0, 0, E), (0, 1, E)), "zap", "stay")
    assert draw.text(game, state) == ">z." and state.out.tolist() == [0, 2]
    state, _ = play(game, state, "forward", "forward")
    assert draw.text(game, state) == ">z." and state.out.tolist() == [0, 1]
    state, _ = play(game, state, "stay", "forward")
    state, _ = play(game, state, "stay", "forward")
    assert draw.text(game, state) == ">.>"


@pytest.mark.parametrize("timeout", [0.0, 2.0])
def test_no_society_zaps_more_than_the_card_says_can_be(timeout):
    game = world("PPP", "PPP", n=6, spread=2, timeout=timeout, zapping="freeze", horizon=9)
    state, hits = put(game, *[(row, c, S if row == 0 else N) for row in (0, 1) for c in range(3)]), 0.0
    for key in range(9):  # two rows face to face: each hits three
        state, outcome = play(game, state, *["zap"] * 6, key=key)
        hits += float(outcome.harm[:, 0].sum())
    worst = game.card().values[0].worst
    assert worst == (9 if timeout == 0.0 else 3) * 6 * 5
    assert hits == (9 if timeout == 0.0 else 3) * 6 * 3 <= worst
    assert timeout > 0.0 or hits > 9 * 6  # one hit an agent and tick would be no bound


def test_a_short_beam_bounds_the_hits_where_cells_take_one_agent_each():
    few, many = (harvest(reach=1, spread=0, solid=solid).card().values[0].worst for solid in (True, False))
    assert (few, many) == (39 * 7 * 1, 39 * 7 * 6)  # 26 ticks from one hit to the next: 39 in 1,000


# -------------------------------------------------------------------------------------- apples


def test_an_apple_is_eaten_by_who_walks_onto_it_and_pays_one():
    game = world("PAA", "..A")
    state, outcome = play(game, put(game, (0, 0, E)), "forward")
    assert draw.text(game, state) == ".>A\n..A" and outcome.pay.tolist() == [1]
    assert outcome.events["apples"].tolist() == [1] and outcome.events["thin"].tolist() == [0]
    state, outcome = play(game, state, "forward")  # the next has one neighbor left
    assert outcome.events["thin"].tolist() == [0]
    state, outcome = play(game, state, "right")  # the last has none: it will never grow again
    assert outcome.events["thin"].tolist() == [1] and outcome.events["cooperated"].tolist() == [0]
    assert outcome.harm[0, 1] == pytest.approx(1 / 1000)


@pytest.mark.parametrize(("neighbors", "chance"), [(0, 0.0), (1, 0.005), (2, 0.02), (3, 0.05), (5, 0.05)])
def test_apples_grow_by_the_published_table(neighbors, chance):
    ring = ["A"] * neighbors + ["."] * (8 - neighbors)
    rows = ("".join(ring[:3]), ring[3] + "a" + ring[4], "".join(ring[5:]), "...", "P..")
    game = harvest(rows=rows, n_agents=1)
    state, bare = put(game, (4, 0, N)), int(np.flatnonzero(~game.plan.ripe)[0])
    keys = jax.random.split(jax.random.key(5), 40_000)
    stay = jnp.zeros(1, jnp.int32)
    grown = jax.jit(jax.vmap(lambda k: game.step(state, {"move": stay}, k)[0].apples[bare]))(keys)
    sd = np.sqrt(chance * (1 - chance) / len(keys))
    assert np.mean(grown) == pytest.approx(chance, abs=4 * sd + 1e-9)
    if chance == 0.05:  # the test would notice the next lower rate
        assert abs(np.mean(grown) - 0.02) > 4 * sd


def test_apples_two_cells_apart_are_no_neighbors():
    plan = harvest(rows=("A.A", "PA."), n_agents=1).plan
    assert plan.near.tolist() == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]  # j^2 + k^2 <= 2, not 2^2


def test_nothing_grows_under_an_agent():
    game = harvest(rows=("PA",), n_agents=1, regrowth=(1.0,) * 4)
    state, _ = play(game, put(game, (0, 0, E)), "forward")
    state, outcome = play(game, state, "stay")
    assert outcome.pay.tolist() == [0]
    state, _ = play(game, state, "back")
    assert draw.text(game, state) == ">A"


# --------------------------------------------------------------------------------------- river


def river(*rows, n=1, **more):
    """A small cleanup without new waste."""
    return cleanup(rows=rows, n_agents=n, pollution=more.pop("pollution", 0.0), **more)


@pytest.mark.slow
def test_cleaning_takes_the_waste_ahead_and_shares_the_credit():
    game = river("wwwww", "wP.Pw", ".....", n=2)
    before = put(game, (1, 1, N), (1, 3, N))
    state, outcome = play(game, before, "clean", "stay")
    assert draw.text(game, state) == "~~~ww\nw^.^w\n....."
    assert outcome.events["waste_cleaned"].tolist() == [3, 0]
    state, outcome = play(game, before, "clean", "clean")  # (0, 2) is cleaned by both
    assert outcome.events["waste_cleaned"].tolist() == [2.5, 2.5]
    assert outcome.events["cooperated"].tolist() == [1, 1]
    assert state.waste.sum() == before.waste.sum() - 5


@pytest.mark.parametrize(("dirty", "chance"), [(0, 0.05), (1, 0.025), (2, 0.0), (5, 0.0)])
def test_apples_grow_the_less_the_more_waste_there_is(dirty, chance):
    game = river("w" * dirty + "r" * (5 - dirty), "P" + "a" * 4)  # .4 of five cells is two
    state = put(game, (1, 0, N))
    keys = jax.random.split(jax.random.key(2), 8000)
    stay = jnp.zeros(1, jnp.int32)
    apples = jax.jit(jax.vmap(lambda k: game.step(state, {"move": stay}, k)[0].apples))(keys)
    assert np.mean(apples) == pytest.approx(chance, abs=4 * np.sqrt(chance / 32_000) + 1e-9)


@pytest.mark.slow
def test_waste_comes_one_cell_at_a_time_anywhere_alike_and_never_into_a_clogged_river():
    game = river("rrrrrrrrrr", "P.........", pollution=0.5)
    keys = jax.random.split(jax.random.key(3), 8000)
    stay = jnp.zeros(1, jnp.int32)

    def after(waste):
        state = put(game, (1, 0, N), waste=jnp.array(waste))
        return np.asarray(jax.jit(jax.vmap(lambda k: game.step(state, {"move": stay}, k)[0].waste))(keys))

    came = after([1.0, 0, 0, 0, 0, 0, 0, 0, 0, 1.0])[:, 1:-1]
    assert set(came.sum(axis=1)) == {0.0, 1.0}
    assert came.sum(axis=1).mean() == pytest.approx(0.5, abs=0.023)
    assert came.mean(axis=0) == pytest.approx(np.full(8, 1 / 16), abs=0.011)
    clogged = [1.0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert (after(clogged) == np.array(clogged)[None]).all()


# ------------------------------------------------------------------------------ coins and claims


@pytest.mark.parametrize(
    ("first", "second", "pay"),
    [
        ((0, 1), (2, 0), (1, 0)),  # its own coin
        ((2, 1), (2, 0), (1, -2)),  # the other's coin
        ((0, 1), (2, 1), (1, 1)),  # each its own
        ((2, 1), (0, 1), (-1, -1)),  # each the other's
        ((2, 1), (2, 1), (1, -1)),  # both take the second's coin
    ],
)
def test_the_coin_game_pays_as_published(first, second, pay):
    game = coins(acts=("stay", "north", "east", "south", "west"))
    own, others = 1, 7  # cells (0, 1) and (2, 1)
    before = put(game, (*first, N), (*second, N), coins=jnp.array([own, others]))
    state, outcome = play(game, before, "stay", "stay")
    assert outcome.pay.tolist() == list(pay)
    busy = set(np.asarray(state.place).tolist())
    assert not busy & set(np.asarray(state.coins).tolist()) and len(set(np.asarray(state.coins))) == 2


def test_a_new_coin_falls_on_every_free_cell_alike():
    game = coins()
    before = put(game, (0, 0, N), (1, 1, N), coins=jnp.array([0, 8]))  # the first stands on its coin
    keys, stay = jax.random.split(jax.random.key(4), 9000), jnp.zeros(2, jnp.int32)
    fell = jax.jit(jax.vmap(lambda k: game.step(before, {"move": stay}, k)[0].coins))(keys)
    share = np.bincount(np.asarray(fell)[:, 0], minlength=9) / len(keys)
    assert share == pytest.approx(np.array([0, 1, 1, 1, 0, 1, 1, 1, 0]) / 6, abs=0.016)
    assert (np.asarray(fell)[:, 1] == 8).all()


def test_a_claim_takes_the_first_wall_ahead_and_pays_rent():
    game = territory(rows=("P.T#T", ".P...", "T...."), n_agents=2)
    before = put(game, (0, 0, E), (1, 0, S))
    state, outcome = play(game, before, "claim", "claim")
    assert draw.text(game, state) == ">.a#+\nv....\nb...."
    assert outcome.pay == pytest.approx([0.01, 0.01])
    taken = put(game, (0, 0, E), (1, 0, S), claims=jnp.array([1, 1, 0]))
    state, outcome = play(game, taken, "claim", "stay")
    assert draw.text(game, state).startswith(">.a#b") and outcome.events["excess"].tolist() == [1, 0]
    assert outcome.events["owned"].tolist() == [2, 1]
    far = put(game, (1, 4, W), (1, 1, N))
    state, _ = play(game, far, "claim", "stay")  # nothing in reach
    assert (state.claims == -1).all()


# ------------------------------------------------------------------------------------ the whole


@pytest.mark.slow
@pytest.mark.parametrize("game", [harvest(horizon=60), cleanup(horizon=60)], ids=["harvest", "cleanup"])
def test_apples_and_waste_are_conserved(game):
    trace = cw.run(cw.Society(game, minds.Random()), 4)
    pay = trace.events["apples"] + trace.events["was_hit"] * -50.0
    fired = (trace.act["move"] == game.acts.index("zap")).astype(np.float32)
    assert np.allclose(trace.book["pay"], pay - fired)
    assert trace.events["was_hit"].sum() == trace.events["zaps"].sum()
    if "waste" in trace.events:
        waste = trace.events["waste"][:, :, 0] * len(game.plan.river)
        steps = np.diff(waste, axis=1) + trace.events["waste_cleaned"].sum(axis=2)[:, 1:]
        assert set(np.round(steps, 3).ravel()) <= {0.0, 1.0}


@pytest.mark.slow
def test_the_same_seed_is_the_same_world_and_another_is_not():
    game = cleanup(horizon=20)
    a, b = (cw.run(cw.Society(game, minds.Random()), 2) for _ in range(2))
    assert np.array_equal(a.events["waste"], b.events["waste"])
    assert not np.array_equal(a.act["move"][0], a.act["move"][1])


@pytest.mark.slow
def test_foragers_forage_and_cleaners_clean():
    trace = cw.run(cw.Society(harvest(n_agents=2, horizon=40), [Forager(), Forager(leave=9)]), 4)
    got = trace.net.sum(axis=1).mean(axis=0)
    assert got[0] > 8 and got[1] == 0  # who leaves every apple goes hungry
    game = cleanup(n_agents=2, horizon=80)
    cleaned = cw.run(cw.Society(game, [Forager(duty=1.0), Forager()]), 4).events["waste_cleaned"]
    assert cleaned.sum(axis=1).min(axis=0)[0] > 10 and cleaned[:, :, 1].sum() == 0


def test_a_forager_needs_apples():
    with pytest.raises(ValueError, match=r"Forager came into Grid, which has no map with apples; .*harvest"):
        cw.run(cw.Society(coins(), Forager()), 1)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Grid(rows=("P.", "...")), r"rows of length \[2, 3\] .* Grid\(rows="),
        (lambda: Grid(rows=("P?",)), r"letters \['\?'\]; .* Grid\(rows="),
        (lambda: harvest(rows=("P.",)), "got n_agents=7, expected at most 1, the cells P of the map"),
        (lambda: harvest(acts=("zap", "stay")), "wanted 'stay' first"),
        (lambda: harvest(torus=True), "torus=True and the beams .'zap'."),
        (lambda: harvest(acts=(*WALK, "north")), "both turns and .'north'.; wanted one way to walk"),
    ],
)
def test_a_world_that_cannot_be_is_refused_with_a_line_that_would_work(made, said):
    with pytest.raises(ValueError, match=said):
        made()


def test_the_maps_have_the_sizes_they_are_said_to_have():
    drawn = {name: getattr(maps, name) for name in ("HARVEST", "CLEANUP", "COINS", "TERRITORY")}
    sizes = {name: (len(rows), len(rows[0])) for name, rows in drawn.items()}
    assert sizes == {"HARVEST": (16, 22), "CLEANUP": (19, 28), "COINS": (3, 3), "TERRITORY": (23, 39)}


# ------------------------------------------------------------------------------------ measures


def test_sustainability_is_the_mean_tick_of_the_yield():
    pay = np.array([[[1.0, 0.0], [0.0, 0.0], [0.0, 2.0], [1.0, 2.0]]])
    assert sustainability(make_trace(pay)) == pytest.approx([((1 + 4) / 2 + (3 + 4) / 2) / 2])
    assert sustainability(make_trace(np.ones((1, 9, 3)))) == pytest.approx([5.0])
    early = np.zeros((1, 9, 3))
    early[:, 0] = 1.0
    assert sustainability(make_trace(early)) == pytest.approx([1.0])
    assert np.isnan(sustainability(make_trace(np.zeros((1, 4, 2))))).all()


def test_peace_counts_those_who_are_not_struck():
    hit = np.zeros((1, 4, 3))
    hit[0, 1] = [1, 2, 0]
    trace = make_trace(np.zeros((1, 4, 3)), events={"was_hit": hit})
    assert peace(trace) == pytest.approx([3 - 2 / 4])
    with pytest.raises(cw.NA, match="was_hit"):
        peace(make_trace(np.zeros((1, 4, 3))))


@pytest.mark.slow
@pytest.mark.parametrize("mind", [Forager(leave=1), Forager(duty=0.5)])
def test_foragers_obey_the_laws(mind):
    cw.check(mind, cleanup(rows=("rwP.aa", "wrP.Pa"), n_agents=3, horizon=4))
