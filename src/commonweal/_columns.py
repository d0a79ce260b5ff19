"""What the columns of a trace must be: of one shape with pay and the card, and numbers in every world."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._bounds import shown
from ._card import Card

AXES = {
    "seeds": ("worlds",),
    "utility": ("worlds", "ticks", "stakeholders"),
    "objective": ("worlds", "ticks"),
    "harm": ("worlds", "ticks", "agents", "values"),
    "alive": ("worlds", "ticks"),
    "felt": ("worlds", "ticks", "agents"),
    "refused": ("worlds", "ticks", "agents"),
    **dict.fromkeys(("book", "intent", "act", "events"), ("worlds", "ticks", "agents")),
    "odds": ("worlds", "ticks", "agents", "options"),
    "labels": ("worlds", "agents"),
}
KINDS = {"alive": "b", "refused": "b", "seeds": "iu", "labels": "OUSTbiuf"}  # others are numbers
LIKE = {"b": "bool", "iu": "np.int64"}


def refuse_misfits(trace: Any) -> None:
    """Raise ValueError for the first column that does not fit pay and the card. Looks at no number."""
    pay = np.shape(trace.book["pay"])
    if len(pay) != 3:
        raise ValueError(
            f"a trace's book['pay'] has shape {pay}; wanted [worlds, ticks, agents]: cw.trace_of(pay=...) "
            "makes it of less"
        )
    if not isinstance(trace.card, Card):
        raise ValueError(f"a trace's card came as {shown(trace.card)}; wanted a card: cw.Card(...)")
    card, sizes = trace.card, dict(zip(("worlds", "ticks", "agents"), pay, strict=True))
    if card.n_agents != sizes["agents"]:
        raise ValueError(
            f"the card {card.title!r} is of {card.n_agents} agents (rows of represents), and "
            f"book['pay'] of {sizes['agents']}, with shape {pay}; wanted as many: cw.Card(..., "
            f"represents=np.eye({sizes['agents']}))"
        )
    sizes |= {"stakeholders": len(card.stakeholders), "values": len(card.values)}
    for name, axes in AXES.items():
        value, kinds = getattr(trace, name), KINDS.get(name, "biuf")
        table = isinstance(value, Mapping)
        columns = {f"{name}[{key!r}]": x for key, x in value.items()} if table else {name: value}
        for column, x in columns.items() if value is not None or name not in ("felt", "refused") else ():
            _fits(column, x, tuple((axis, sizes.get(axis)) for axis in axes), kinds)
    seeds = trace.seeds.tolist()
    if len(set(seeds)) < len(seeds) and "society" not in trace.recipe:
        twice = next(seed for seed in seeds if seeds.count(seed) > 1)
        raise ValueError(
            f"a trace's seeds name world {twice} {seeds.count(twice)} times; wanted each world once: "
            f"seeds=np.arange({len(seeds)})"
        )
    if len(trace.invalid) != len(seeds):
        raise ValueError(
            f"a trace's invalid has {len(trace.invalid)} reasons for {len(seeds)} worlds; wanted one a "
            f"world, '' for a valid one: invalid=('',) * {len(seeds)}"
        )


def _fits(column: str, x: Any, axes: tuple[tuple[str, int | None], ...], kinds: str) -> None:
    """Raise ValueError unless x is an array with these axes, each of its size (None: any), and a kind."""
    if not isinstance(x, np.ndarray):
        raise ValueError(
            f"a trace's {column} came as {type(x).__name__}; wanted a NumPy array: np.asarray({x!r:.40})"
        )
    names, sizes = zip(*axes, strict=True)
    if x.ndim != len(sizes) or any(
        size not in (None, have) for size, have in zip(sizes, x.shape, strict=True)
    ):
        told = str(tuple(name if size is None else size for name, size in axes)).replace("'", "")
        line = f"np.zeros({told})"
        if x.shape in (sizes[:-1], sizes[1:]) and None not in sizes:
            index = "..., None" if x.shape == sizes[:-1] else "None"
            each = names[-1] if x.shape == sizes[:-1] else names[0]
            line = f"np.broadcast_to(x[{index}], {told}) if each of the {each} has the same"
        raise ValueError(
            f"a trace's {column} has shape {x.shape}; wanted [{', '.join(names)}], {told}: {line}"
        )
    if x.dtype.kind not in kinds:
        like = LIKE.get(kinds, "float")
        raise ValueError(f"a trace's {column} is of kind {x.dtype}; wanted {like}: x.astype({like})")


def unsound(columns: Mapping[str, np.ndarray], when: Callable[[int], str] = "at t={}".format) -> list[str]:
    """For each world "", or the first of these columns [W, T, ...] that is NaN or infinite, and when.

    A column whose sum is finite is looked at no further, so that sound ones cost next to nothing.
    """
    worlds, ticks = next(iter(columns.values())).shape[:2]
    first, why = np.full(worlds, ticks), [""] * worlds
    with np.errstate(all="ignore"):
        suspect = {name: x for name, x in columns.items() if x.size and not np.isfinite(x.sum())}
    for name, x in suspect.items():
        lost = np.logical_not(np.isfinite(x)).reshape(worlds, ticks, -1)
        early = np.asarray(lost.any(axis=2))
        for w in np.flatnonzero(early.any(axis=1) & (early.argmax(axis=1) < first)):
            t = first[w] = int(early[w].argmax())
            why[w] = f"{name} is {x[w, t].ravel()[lost[w, t].argmax()]:g} {when(t)}"
    return why


def column_files(meta: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """By file, what `trace.json` says of the columns in it: plain files of the trace's own folder.

    Raises:
        ValueError: a name that leads elsewhere, is hidden, or is that of a link; no table of shapes.
    """
    shapes = meta.get("shapes") if isinstance(meta, Mapping) else None
    if not isinstance(shapes, Mapping):
        raise ValueError(f"{folder / 'trace.json'} names no columns; wanted what Trace.save wrote")
    for name in shapes:
        inside = name == Path(name).name and name.endswith(".parquet") and name[0] != "."
        if not inside or (folder / name).is_symlink():
            raise ValueError(
                f"{folder / 'trace.json'} keeps columns in {name!r}; wanted a plain file of its own folder, "
                "as Trace.save wrote it: 2x4x3.parquet"
            )
    return dict(shapes)


def accounts_of(parts: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The columns that must be numbers in every world, by the names that a reason gives them."""
    booked = {name if name == "pay" else f"what {name!r} booked": x for name, x in parts["book"].items()}
    names = ("utility", "objective", "harm", "felt")
    return booked | {name: parts[name] for name in names if parts.get(name) is not None}
