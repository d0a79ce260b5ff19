"""Many matches of two as dense arrays: what minds answer, what luck they need, and the compiled loop.

Draws are threefry 2x32 at a counter of (turn, match) under the key of two names, so that no match
knows of another. The state of a match is two acts, two memories and a tally of joint acts.
"""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt32

from .._channel import check_channels
from .._governed import BEFORE, owner_key, under
from .._luck import as_key, seeded, threefry
from .._mind import Mind, Odds, Values
from .._profile import Profile
from .._scenario import Sight
from .._tick import world_key

LONGEST = 250  # turns between two readings of the tallies, which count to 255
CACHED = 2**17  # draws made at a time: half a megabyte
DEPTH = 3  # turns for which a mind is tried out


class Kind(eqx.Module):
    """Minds that differ only in their numbers, stacked, each ready for either seat.

    `places` are their rows; `drawn` says that their acts may need a draw, `keyed` that they use their
    key: if neither, luck plays no part in what they do.
    """

    places: tuple[int, ...] = eqx.field(static=True)
    seats: tuple[Mind, Mind]
    drawn: bool = eqx.field(static=True)
    keyed: bool = eqx.field(static=True)

    @property
    def lucky(self) -> bool:
        """Whether luck plays a part."""
        return self.drawn or self.keyed


class Player(eqx.Module):
    """A mind, and whether it uses its key."""

    mind: Mind
    keyed: bool = eqx.field(static=True)


@eqx.filter_jit
def explore(game: Any, stacked: Mind, seat: int, minds: int) -> tuple[bool, bool, list]:
    """Whether minds answer with odds or values; whether they use their key; and what they do.

    The last by depth: memories [minds, states, ...] and the weights [minds, states, acts] before them.
    """
    m, answers = len(game.acts), []

    def first_turn(key):
        mind = jax.tree.map(lambda x: x[0] if eqx.is_array(x) else x, stacked)
        memory, started = mind.init(jnp.int32(seat), key), jnp.float32(0.0)
        memory, act = _answer(game, seat, mind, (memory, (jnp.int32(0), jnp.int32(0)), started, key))
        answers.append(act)
        return memory, act

    program = jax.make_jaxpr(lambda key: eqx.filter(first_turn(key), eqx.is_array))(seeded(0)).jaxpr
    used = [x for step in program.eqns for x in step.invars] + program.outvars

    def one(mind):
        key, states = seeded(0), 1
        memory, layers = jax.tree.map(lambda x: x[None], mind.init(jnp.int32(seat), key)), []
        for depth in range(DEPTH):
            every = np.arange(m) if depth else np.arange(1)
            own, other = (jnp.asarray(x.ravel(), jnp.int32) for x in np.meshgrid(every, every))

            def turn(_, memory, a, b, depth=depth):
                memory, act = _answer(game, seat, mind, (memory, (a, b), jnp.float32(depth > 0), key))
                return memory, _weights(act, m)

            vary = jax.vmap(jax.vmap(turn, (None, None, 0, 0)), (0, 0, None, None))
            memory, weights = vary(jnp.arange(states), memory, own, other)
            states *= len(own)
            memory = jax.tree.map(lambda x: x.reshape(states, *x.shape[2:]), memory)  # noqa: B023
            layers.append((memory, weights.reshape(states, m)))
        return layers

    layers = eqx.filter_vmap(one, axis_size=minds)(stacked)
    return isinstance(answers[0], Odds), any(x is program.invars[0] for x in used), layers


def _sight(game: Any, seat: int, acts: tuple[Array, Array], started: Array) -> Sight:
    """What a matrix game shows to one of two players; what a mind does not read is never computed."""
    own, other = acts
    m, (name,) = len(game.acts), game.channels()
    pay = game.payoffs if seat == 0 else jnp.stack([game.payoffs[1].T, game.payoffs[0].T])
    both = ((own == jnp.arange(m))[:, None] & (other == jnp.arange(m))[None]).astype(jnp.float32)
    paid = started * (pay * both[None]).sum(axis=(1, 2))
    facts = {"started": started, "own": own, "other": other, "others": other[None], "paid": paid}
    facts |= {"did": started * game.cooperativeness(own), "share": started * game.cooperativeness(other)}
    facts |= {"felt": paid[0], "seat": jnp.int32(seat)}
    return Sight(facts, {name: jnp.ones(m, bool)})


def _answer(game: Any, seat: int, mind: Mind, now: tuple) -> tuple[Any, Array | Odds]:
    """The mind's new memory and its act or odds; values become odds as in a world."""
    memory, last, started, key = now
    sight, channels = _sight(game, seat, last, started), under(game).channels()
    memory, acts = mind.act(memory, sight, channels, key)
    check_channels(channels, list(acts), type(mind).__name__)
    ((name, channel),) = channels.items()
    act = acts.get(name, channel.silence)
    if isinstance(act, Values):
        act = Odds(Profile().choose(act.q, sight.legal[name]))
    return memory, act if isinstance(act, Odds) else jnp.asarray(act).astype(jnp.int32)


def _weights(act: Array | Odds, m: int) -> Float[Array, " m"]:
    """How much weight there is on each act."""
    return act.p if isinstance(act, Odds) else (act == jnp.arange(m)).astype(jnp.float32)


def _done(act: Array | Odds, m: int, slips: Array | None, u: Array | None) -> Int[Array, ""]:
    """The act at the share `u` of the whole weight, by default the only one with any."""
    weights, share = _weights(act, m), jnp.float32(0.5) if u is None else u
    if slips is not None:
        weights = weights / weights.sum()
        weights = weights * (1.0 - slips) + (1.0 - weights) * slips / (m - 1)
    goal, below, at = share * weights.sum(), jnp.float32(0.0), jnp.int32(0)
    for k in range(m - 1):
        below = below + weights[k]
        at = at + (goal >= below).astype(jnp.int32)
    return at


def _draws(keys: Array, matches: Array, t: Array) -> tuple[Array, Array]:
    """For each seat: uniform draws [turns, row, column, match]."""
    make = jax.vmap(threefry, (None, None, 0))
    make = jax.vmap(jax.vmap(make, (0, None, None)), (0, None, None))
    bits = jax.vmap(make, (None, 0, None))(keys, t, matches)
    first, second = ((x >> jnp.uint32(8)).astype(jnp.float32) * jnp.float32(2**-24) for x in bits)
    return first, second


class Still:
    """What of a tree is no array, hashed once: what is compiled is found by it at every call."""

    def __init__(self, tree: Any):
        leaves, structure = jax.tree.flatten(tree)
        self.tree, self.key = tree, (structure, tuple(leaves))
        self.hash = hash(self.key)

    def __hash__(self):
        return self.hash

    def __eq__(self, other):
        return self is other or (isinstance(other, Still) and self.key == other.key)


@functools.partial(jax.jit, static_argnames=("still", "blocks", "repetitions"))
def play(
    arrays: Any, luck: tuple, slips: Array | None, *, still: Still, blocks: tuple, repetitions: int
) -> UInt32[Array, "joint pair match"]:
    """How often each joint act came in each match, block by block, its rows one after another.

    `arrays` and `still` are a game and kinds of minds, `blocks` which two kinds meet, all of them with
    luck or none; `luck` is a seed and a number for each pair of minds.
    """
    game, kinds = eqx.combine(arrays, still.tree)
    seed, sums = luck
    root = owner_key(world_key(seed), BEFORE, "round robin")
    keys = jax.random.key_data(jax.vmap(jax.vmap(lambda x: jax.random.fold_in(root, x)))(sums))
    found = []
    for a, b in blocks:
        rows, columns = kinds[a], kinds[b]
        here = keys[jnp.array(rows.places)][:, jnp.array(columns.places)]
        counts = _block(game, (rows, columns), here, repetitions, slips)
        found.append(counts.reshape(counts.shape[0], -1, counts.shape[-1]))
    return jnp.concatenate(found, axis=1)


def _block(game: Any, kinds: tuple[Kind, Kind], keys: Array, repetitions: int, slips: Array | None):
    """All matches of one kind of mind, in the first seat, against another."""
    lucky = [slips is not None or kind.drawn for kind in kinds]
    once = not any(lucky) and not any(kind.keyed for kind in kinds)
    matches = jnp.arange(1 if once else repetitions, dtype=jnp.uint32)
    m, words = len(game.acts), -(-(len(game.acts) ** 2) // 4)
    shape = (*keys.shape[:2], len(matches))
    most = max(8, min(LONGEST, CACHED // (int(np.prod(shape)) * max(sum(lucky), 1))))
    chunks = -(-game.horizon // most)
    length = -(-game.horizon // chunks)
    minds = tuple(Player(kind.seats[seat], kind.keyed) for seat, kind in enumerate(kinds))

    def chunk(now, c):
        t = c * jnp.uint32(length) + jnp.arange(length, dtype=jnp.uint32)
        drawn = _draws(keys, matches, t) if any(lucky) else (None, None)
        luck = tuple(u if some else None for u, some in zip(drawn, lucky, strict=True))

        def turn(now, at):
            t, luck = at
            one = functools.partial(_turn, (game, slips, t))
            return _matches(one)(minds, (keys, matches), now, luck), None

        blank = jnp.zeros((words, *shape), jnp.uint32)
        (*now, tally), _ = jax.lax.scan(turn, (*now, tuple(blank)), (t, luck))
        counts = [(word >> jnp.uint32(8 * k)) & jnp.uint32(255) for word in tally for k in range(4)]
        return tuple(now), jnp.stack(counts[: m * m])

    memories = _matches(_remember)(minds, (keys, matches), None, None)
    acts = (jnp.zeros(shape, jnp.int32),) * 2
    _, counts = jax.lax.scan(chunk, (acts, memories), jnp.arange(chunks, dtype=jnp.uint32))
    return counts.sum(axis=0)


def _matches(one):
    """A function of one match, over all: rows, columns, matches."""
    mind = eqx.if_array(0)
    for players, where in (((None, None), (None, 0)), ((None, mind), (0, None)), ((mind, None), (0, None))):
        one = eqx.filter_vmap(one, in_axes=(players, where, 0, 0))
    return one


def _own_key(player: Player, where: tuple[Array, Array], t: Array, seat: int):
    """The key of a player in one turn of the match with this key and number."""
    key, match = where
    if not player.keyed:
        return seeded(0)
    return as_key(jnp.stack(threefry(key, t + jnp.uint32((seat + 1) << 30), match)))


def _remember(players: tuple[Player, Player], where: tuple[Array, Array], now: None, luck: None):
    """The minds' memories before the first turn."""
    before = jnp.uint32(2**29)
    return tuple(
        player.mind.init(jnp.int32(seat), _own_key(player, where, before, seat))
        for seat, player in enumerate(players)
    )


def _turn(rules: tuple, players: tuple[Player, Player], where: tuple[Array, Array], now: tuple, luck: tuple):
    """One turn of one match; a word of the tally holds four counts of eight bits."""
    game, slips, t = rules
    (a, b), memories, tally = now
    m, started = len(game.acts), (t > 0).astype(jnp.float32)
    done, kept = [], []
    for seat, (player, last) in enumerate(zip(players, ((a, b), (b, a)), strict=True)):
        mine = (memories[seat], last, started, _own_key(player, where, t, seat))
        memory, act = _answer(game, seat, player.mind, mine)
        kept.append(memory)
        done.append(
            act if luck[seat] is None and not isinstance(act, Odds) else _done(act, m, slips, luck[seat])
        )
    joint = (done[0] * m + done[1]).astype(jnp.uint32)
    counted = (t < game.horizon).astype(jnp.uint32)
    one = counted << (jnp.uint32(8) * (joint % jnp.uint32(4)))
    words = [
        jnp.where(joint // jnp.uint32(4) == jnp.uint32(k), one, jnp.uint32(0)) for k in range(len(tally))
    ]
    tally = tuple(x + y for x, y in zip(tally, words, strict=True))
    return tuple(done), tuple(kept), tally
