"""The Merkle tree of RFC 6962: its root, and short proofs that it holds an entry or extends an older tree.

A tree is given as the list of its leaf hashes. Proofs are lists of hashes, from the leaves up; they are
checked as in RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from collections.abc import Sequence
from hashlib import sha256


def leaf(entry: bytes) -> bytes:
    """The hash of an entry."""
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The hash of the whole tree, level by level; of the empty tree that of no bytes."""
    if not leaves:
        return sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + a + b).digest() for a, b in pairs] + odd
    return level[0]


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The proof that the leaf at `index` is in the tree."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"entry {index} of a log of {len(leaves)}; wanted 0 to {len(leaves) - 1}")
    if len(leaves) == 1:
        return []
    left = _left(len(leaves))
    if index < left:
        return [*inclusion(leaves[:left], index), root(leaves[left:])]
    return [*inclusion(leaves[left:], index - left), root(leaves[:left])]


def consistency(leaves: Sequence[bytes], old: int, whole: bool = True) -> list[bytes]:
    """The proof that the tree extends that of its first `old` leaves."""
    if not 0 <= old <= len(leaves):
        raise ValueError(f"a tree of {len(leaves)} extends none of {old}; wanted 0 to {len(leaves)}")
    if old in (0, len(leaves)):
        return [] if whole else [root(leaves)]
    left = _left(len(leaves))
    if old <= left:
        return [*consistency(leaves[:left], old, whole), root(leaves[left:])]
    return [*consistency(leaves[left:], old - left, False), root(leaves[:left])]


def includes(tree: tuple[int, bytes], index: int, entry: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of this size and root holds the entry at `index`, by the proof."""
    size, top = tree
    if not 0 <= index < size:
        return False
    (found,), rest = _climb([leaf(entry)], index, size - 1, proof)
    return rest == 0 and found == top


def extends(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether the tree of size and root `new` begins with that of `old`, by the proof."""
    if old[0] == new[0] or old[0] == 0:
        return not proof and (old == new or old == (0, root([])) and new[0] > 0)
    if not 0 < old[0] < new[0]:
        return False
    at, last = old[0] - 1, new[0] - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    path = [old[1], *proof] if at == 0 else list(proof)  # the old tree is whole: its root is known
    if not path:
        return False
    (was, now), rest = _climb([path[0], path[0]], at, last, path[1:])
    return rest == 0 and (was, now) == (old[1], new[1])


def _climb(hashes: list[bytes], at: int, last: int, proof: Sequence[bytes]) -> tuple[list[bytes], int]:
    """From a node up to the root; of several hashes, all but the last leave out what came after them."""
    for one in proof:
        if last == 0:
            return hashes, -1  # longer than the tree is high
        if at & 1 or at == last:
            hashes = [node(one, x) for x in hashes]
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            hashes = [*hashes[:-1], node(hashes[-1], one)]
        at, last = at >> 1, last >> 1
    return hashes, last


def _left(size: int) -> int:
    """How many leaves stand in the left subtree: the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
