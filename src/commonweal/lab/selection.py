"""Which condition to choose: the Pareto front, its hypervolume, four rules and how stable they are.

"Pareto-optimal solutions should be considered, with well-defined metrics to guide principled
selection among trade-offs" (Carichon, Khandelwal, Fauchard, Farnadi 2025, Figure 1).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .._plain import shown

COLUMNS = ("O", "V", "P_NW", "P_min")  # the front is that of the first three
TIE = 1e-12

Rule = Callable[[np.ndarray], np.ndarray]
"""From points Float[..., c, 4], columns as in COLUMNS, to the winners, Bool[..., c]."""


class Aligned(Protocol):
    """What is read of a condition: its rights gate, and O, V, P_NW and P_min per world.

    `alignment(trace)` makes one. Worlds are in the order of `seeds`, NaN where unknown.
    """

    @property
    def gate(self) -> Any: ...
    @property
    def certificate(self) -> str: ...
    @property
    def seeds(self) -> np.ndarray: ...
    @property
    def worlds(self) -> Mapping[str, np.ndarray]: ...


def _largest(score: np.ndarray, among: np.ndarray | bool = True) -> np.ndarray:
    """Bool[..., c]: the largest scores among those allowed, ties included."""
    score = np.where(among, score, -np.inf)
    return among & (score >= score.max(axis=-1, keepdims=True) - TIE)


def utilitarian(points: np.ndarray) -> np.ndarray:
    """The largest sum of O, V and P_NW. Source: Bentham 1789."""
    return _largest(points[..., :3].sum(axis=-1))


def nash(points: np.ndarray) -> np.ndarray:
    """The largest product of O, V and P_NW, none below 0. Source: Nash 1950."""
    return _largest(np.maximum(points[..., :3], 0.0).prod(axis=-1))


def egalitarian(points: np.ndarray) -> np.ndarray:
    """Leximin: the largest least of O, V and P_NW; on ties the next least. Source: Sen 1970."""
    ordered = np.sort(points[..., :3], axis=-1)
    best = np.ones(ordered.shape[:-1], dtype=bool)
    for i in range(3):
        best = _largest(ordered[..., i], best)
    return best


@dataclass(frozen=True)
class Constrained:
    """The largest O among the conditions with V >= `value` and P_min >= `worst_off`."""

    value: float = 0.5
    worst_off: float = 0.5

    @property
    def __name__(self) -> str:
        return f"constrained(V >= {self.value:g}, P_min >= {self.worst_off:g})"

    def why_none(self, points: np.ndarray) -> str:
        """Why none of the points [c, 4] is chosen: no outcome can be, or none of these is."""
        asked = {"V": self.value, "P_min": self.worst_off}
        beyond = [name for name, least in asked.items() if not least <= 1.0 + TIE]
        if beyond:
            return f"no outcome can meet it: {' and '.join(beyond)} cannot exceed 1"
        seen = {name: float(points[:, COLUMNS.index(name)].max()) for name in asked}
        short = [
            f"the largest {name} is {seen[name]:.2f}" for name in asked if seen[name] < asked[name] - TIE
        ]
        return f"no eligible condition meets it: {', '.join(short) or 'none has both'}"

    def __call__(self, points: np.ndarray) -> np.ndarray:
        allowed = (points[..., 1] >= self.value - TIE) & (points[..., 3] >= self.worst_off - TIE)
        return _largest(points[..., 0], allowed)


RULES: tuple[Rule, ...] = (utilitarian, nash, egalitarian, Constrained())


def dominated(points: np.ndarray, among: np.ndarray | bool = True) -> np.ndarray:
    """Bool[..., c]: some condition `among` these is at least as good everywhere and better somewhere."""
    other, own = points[..., None, :, :], points[..., :, None, :]
    beats = (other >= own - TIE).all(axis=-1) & (other > own + TIE).any(axis=-1)
    return np.any(beats & np.broadcast_to(among, points.shape[:-1])[..., None, :], axis=-1)


def pareto_front(points: np.ndarray) -> np.ndarray:
    """Bool[c]: the rows of points [c, d] that no other row dominates (more is better)."""
    return ~dominated(np.asarray(points, dtype=float))


def hypervolume(points: np.ndarray, reference: float = 0.0) -> float:
    """The volume above `reference` that the rows of points [c, d] dominate; exact, meant for d <= 3.

    Sliced along the last axis. Source: Zitzler and Thiele 1998.
    """
    points = np.asarray(points, dtype=float) - reference
    points = points[(points > 0).all(axis=1)]
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    points = points[np.argsort(-points[:, -1])]
    depth = points[:, -1] - np.append(points[1:, -1], 0.0)
    return sum(d * hypervolume(points[: i + 1, :-1]) for i, d in enumerate(depth.tolist()) if d > 0)


@dataclass(frozen=True)
class Verdict:
    """What one rule chooses (several on a tie), and how often in bootstrap replicates.

    `probability` is the share of replicates that choose each condition, a tie split evenly; empty
    when there is one world only. `reason` says why nothing was chosen.
    """

    rule: str
    chosen: tuple[str, ...]
    probability: dict[str, float]
    declared: bool
    reason: str = ""

    def __str__(self) -> str:
        if not self.chosen:
            return shown(f"none ({self.reason})")
        odds = ["one world" if not self.probability else f"{self.probability[c]:.2f}" for c in self.chosen]
        return " = ".join(f"{shown(c)} [{o}]" for c, o in zip(self.chosen, odds, strict=True))


@dataclass(frozen=True, eq=False)
class Selection:
    """The conditions on one page: points, front, hypervolume and what each rule chooses.

    `points` are means over the `n` worlds that are known in every eligible condition (`missing`
    were not), NaN where nothing is known. `excluded` says why a condition was not eligible.
    """

    points: dict[str, np.ndarray]
    excluded: dict[str, str]
    front: tuple[str, ...]
    hypervolume: float
    verdicts: tuple[Verdict, ...]
    n: int
    missing: int
    unit: str = "worlds"

    @property
    def agree(self) -> bool:
        """Whether all rules that could be applied choose the same."""
        return len({v.chosen for v in self.verdicts if v.chosen}) == 1

    def __str__(self) -> str:
        total = len(self.points) + len(self.excluded)
        lines = [f"{len(self.points)} of {total} conditions eligible, {self.n} shared {self.unit}"]
        if self.missing:
            lines[0] += f" ({self.missing} not known in all of them)"
        width = max(map(len, [*self.points, *self.excluded, *(v.rule for v in self.verdicts)]), default=0) + 2
        if self.points:
            lines.append(" " * width + "".join(f"{c:>7}" for c in COLUMNS))
        for name, point in self.points.items():
            cells = "".join(f"{'NA' if np.isnan(x) else format(x, '.2f'):>7}" for x in point)
            lines.append(f"{name:<{width}}{cells}{'  front' if name in self.front else ''}")
        lines += [f"{name:<{width}}excluded: {why}" for name, why in self.excluded.items()]
        if not self.points:
            return "\n".join([*map(shown, lines), "No condition is eligible: no front, nothing is selected."])
        lines.append(f"hypervolume {self.hypervolume:.3f}")
        for v in self.verdicts:
            lines.append(f"{v.rule:<{width}}{v}{'  <- declared beforehand' if v.declared else ''}")
        if not any(v.declared for v in self.verdicts):
            lines.append("No rule was declared beforehand.")
        lines.append("The rules agree." if self.agree else "The rules disagree.")
        return "\n".join(map(shown, lines))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes None."""
        return {
            "points": {
                name: {c: None if np.isnan(x) else float(x) for c, x in zip(COLUMNS, p, strict=True)}
                for name, p in self.points.items()
            },
            "excluded": dict(self.excluded),
            "front": list(self.front),
            "hypervolume": self.hypervolume,
            "verdicts": [vars(v) | {"chosen": list(v.chosen)} for v in self.verdicts],
            "agree": self.agree,
            "n": self.n,
            "missing": self.missing,
        }


def select(
    conditions: Mapping[str, Aligned],
    declared: Rule | None = None,
    rules: Sequence[Rule] = RULES,
    resamples: int = 2000,
) -> Selection:
    """Front, hypervolume and choice among conditions that were run with the same seeds.

    Only conditions with an open rights gate are eligible. `declared` is the rule chosen before the
    runs; it is marked (and added to `rules`). Stability: worlds are resampled jointly across
    conditions, from a fixed seed. A dimension that no condition knows is left out.

    Raises:
        ValueError: the conditions differ in their seeds or in their oracle's certificate.
    """
    _check(conditions)
    data, used, excluded = _eligible(conditions)
    names = tuple(data)
    cube = np.stack([data[name] for name in names], axis=1) if names else np.zeros((0, 0, 4))
    fine = ~np.isnan(cube[..., used]).any(axis=(1, 2))
    if not fine.any():
        excluded |= dict.fromkeys(names, "no world is known in every eligible condition")
        return Selection({}, excluded, (), 0.0, (), 0, len(cube))
    cube = np.where(used, cube, 1.0)[fine]  # a constant changes no rule, no front and no volume
    points, n = cube.mean(axis=0), len(cube)
    replicates = _resample(cube, resamples) if n > 1 else cube[:0]
    front = pareto_front(points[:, :3])
    if declared is not None and declared not in rules:
        rules = [*rules, declared]
    return Selection(
        points=dict(zip(names, np.where(used, points, np.nan), strict=True)),
        excluded=excluded,
        front=tuple(name for name, on in zip(names, front, strict=True) if on),
        hypervolume=hypervolume(points[front, :3]),
        verdicts=tuple(_verdict(rule, rule == declared, names, (points, replicates), used) for rule in rules),
        n=n,
        missing=int((~fine).sum()),
    )


def _eligible(
    conditions: Mapping[str, Aligned],
) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, str]]:
    """Worlds [W, 4] of each eligible condition, the columns in use, and why others are excluded."""
    excluded = {k: f"rights gate {a.gate}" for k, a in conditions.items() if a.gate.state != "open"}
    data = {
        name: np.stack([a.worlds[c] for c in COLUMNS], axis=-1)
        for name, a in conditions.items()
        if name not in excluded
    }
    known = {name: ~np.isnan(x).all(axis=0) for name, x in data.items()}
    used = np.any([np.zeros(len(COLUMNS), dtype=bool), *known.values()], axis=0)
    for name, here in known.items():
        lost = [c for c, asked in zip(COLUMNS, used & ~here, strict=True) if asked]
        if lost or not used.any():
            excluded[name] = f"{', '.join(lost or COLUMNS)} NA in every world"
            del data[name]
    return data, used, excluded


def _resample(cube: np.ndarray, resamples: int) -> np.ndarray:
    """Mean points [resamples, c, 4] over worlds drawn with replacement, jointly for all conditions."""
    n, rng, flat = len(cube), np.random.default_rng(0), cube.reshape(len(cube), -1)
    batch = max(1, 4_000_000 // n)
    means = []
    for start in range(0, resamples, batch):
        times = [
            np.bincount(rng.integers(0, n, n), minlength=n)
            for _ in range(start, min(start + batch, resamples))
        ]
        means.append(np.asarray(times, dtype=float) @ flat / n)
    return np.concatenate(means).reshape(-1, *cube.shape[1:])


def _verdict(
    rule: Rule,
    declared: bool,
    names: tuple[str, ...],
    points: tuple[np.ndarray, np.ndarray],
    used: np.ndarray,
) -> Verdict:
    """Apply one rule to the points and to their replicates; of a tie, keep what is not dominated."""
    if isinstance(rule, Constrained) and not used[[0, 1, 3]].all():
        lost = [COLUMNS[i] for i in (0, 1, 3) if not used[i]]
        return Verdict(rule.__name__, (), {}, declared, f"{', '.join(lost)} NA")
    here, replicates = (best & ~dominated(p[..., :3], among=best) for p in points for best in [rule(p)])
    chosen = tuple(name for name, yes in zip(names, here, strict=True) if yes)
    share = replicates / np.maximum(replicates.sum(axis=-1, keepdims=True), 1)
    odds = share.mean(axis=0).tolist() if len(share) else []
    reason = (
        ""
        if chosen
        else rule.why_none(points[0])
        if isinstance(rule, Constrained)
        else "no eligible condition meets it"
    )
    return Verdict(rule.__name__, chosen, dict(zip(names, odds, strict=False)), declared, reason)


def _check(conditions: Mapping[str, Aligned]) -> None:
    """Same worlds, same yardstick."""
    certificates = {a.certificate for a in conditions.values()}
    if len(certificates) > 1:
        raise ValueError(
            f"the oracles' certificates differ ({', '.join(sorted(certificates))}), so O does not "
            "compare; select among conditions of one scenario"
        )
    seeds = [a.seeds for a in conditions.values()]
    if any(not np.array_equal(seeds[0], other) for other in seeds):
        raise ValueError("the conditions' seeds differ; run all with the same: cw.run(..., seeds=64)")
