"""Did the persona take? Profiles fitted back from answers to menus, realized beside intended.

One likelihood over all answers of an agent: logit choice with lapses (`Profile.choose`) by the values
of `Profile.utility`, `prospect_value` and `Profile.confidence`, with a precision of its own for
shares, lotteries and confidence. An interval holds what a likelihood ratio does not reject (Venzon
and Moolgavkar 1988, Applied Statistics 37:87); batteries that repeat one another count as fewer (the
design effect: Kish 1965, Survey Sampling). Shares show two slopes, ahead and behind (Charness and
Rabin 2002, QJE 117:817), which svo, envy and guilt make together: one stays as it was intended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .._measure import estimate
from .._profile import Profile
from .._run import run
from .._society import Society
from .._trace import Trace
from ..scenarios.menus import LETTERS, Menus

BOUNDS = {
    "svo": (-90.0, 90.0),
    "envy": (-2.0, 6.0),
    "guilt": (-2.0, 2.0),
    "curve": (0.2, 2.0),
    "loss": (0.1, 10.0),
    "gain_weight": (0.3, 2.0),
    "loss_weight": (0.3, 2.0),
    "overconfident": (-1.5, 1.5),
    "lapse": (0.0, 1.0),
    "precision in shares": (0.001, 5.0),  # per point: beyond 5, answers hardly vary
    "precision in lotteries": (0.001, 5.0),
    "precision in confidence": (0.001, 5.0),
}
NAMES = tuple(BOUNDS)
TOLD, RATES = 8, 9  # where those begin that no persona tells, and the precisions, searched by logarithms
LOW, HIGH = np.array(list(BOUNDS.values())).T
LOW[RATES:], HIGH[RATES:] = np.log(LOW[RATES:]), np.log(HIGH[RATES:])
PLAIN = np.array([0, 0, 0, 1, 1, 1, 1, 0, 0.05, *np.log([0.1, 0.1, 1.0])])
BLOCKS = {  # what is asked: the kinds of item, and what only they show
    "shares": ((0, 1, 2), ("svo", "envy", "guilt", "precision in shares")),
    "lotteries": ((3,), ("curve", "loss", "gain_weight", "loss_weight", "precision in lotteries")),
    "confidence": ((4,), ("overconfident", "precision in confidence")),
}
TYPES = ((57.15, "altruistic"), (22.45, "prosocial"), (-12.04, "individualistic"), (-181.0, "competitive"))
ENOUGH = 3  # batteries, below which a likelihood ratio is too sure of itself
SURE = 0.95
CHANCE = 1e-3  # answers that chance gives more often than this show nothing


@dataclass(frozen=True)
class Row:
    """One number of a profile: as intended, as realized with its 95 % interval, and what may be said.

    Verdicts: `took` (the interval has what was intended and not the plain value), `off` (it lacks what
    was intended), `plain` (nothing was intended, nothing shows), `unclear` (both values fit), `shown`
    (no persona tells it), `NA` with a `reason`. An infinite end was not found within `BOUNDS`.
    """

    name: str
    intended: float
    realized: float = np.nan
    low: float = np.nan
    high: float = np.nan
    verdict: str = "NA"
    reason: str = ""


@dataclass(frozen=True)
class Realized:
    """One agent's profile: `rows`, and the probability `p` of answers as far from all that was intended.

    `worlds` batteries were answered, `missing` were not, or not to the end; `worth` is how many independent
    ones they are. Where that is below 3 and answers are noisy, `off` is said too easily.
    """

    agent: int
    rows: tuple[Row, ...]
    p: float
    worlds: int
    missing: int
    worth: float

    def __getitem__(self, name: str) -> Row:
        return {row.name: row for row in self.rows}[name]

    @property
    def verdict(self) -> str:
        """Of the persona as a whole."""
        return "NA" if np.isnan(self.p) else "off" if self.p < 1.0 - SURE else "as intended"


@dataclass(frozen=True)
class Check:
    """The manipulation check of a society, agent by agent."""

    agents: tuple[Realized, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; what is not a finite number becomes None."""

        def plain(x: Any) -> Any:
            if isinstance(x, Mapping):
                return {key: plain(value) for key, value in x.items()}
            if isinstance(x, list | tuple):
                return [plain(value) for value in x]
            return None if isinstance(x, float) and not np.isfinite(x) else x

        return {"agents": [plain(asdict(one)) | {"verdict": one.verdict} for one in self.agents]}

    def render(self, console: Any) -> None:
        """Print a table an agent to a rich console."""
        from rich.table import Table

        for one in self.agents:
            lost = f", {one.missing} missing" if one.missing else ""
            head = f"agent {one.agent}: {one.verdict} (p = {one.p:.3f}; {one.worlds} batteries{lost}, "
            console.print(f"{head}worth {one.worth:.1f})", highlight=False, markup=False)
            table = Table("", "intended", "realized", "95 % interval", "", box=None, pad_edge=False)
            for row in one.rows:
                shown = [f"{row.realized:.2f}", rf"\[{row.low:.2f}, {row.high:.2f}]"]
                shown = ["", ""] if np.isnan(row.realized) else shown
                said = f"{row.verdict} ({row.reason})" if row.reason else row.verdict
                table.add_row(row.name, f"{row.intended:.2f}", *shown, said)
            console.print(table)


def check(
    society: Society, worlds: int | Sequence[int] = 4, intended: Sequence[Profile | None] | None = None
) -> Check:
    """Let a society answer its menus, and fit every agent's profile back from the answers.

    **Main arguments**

    - `society`: `Menus` answered by any minds; those that read are told their profiles in words.
    - `worlds`: how often each battery is answered, 3 or more, or the seeds.

    **Other arguments**

    - `intended`: the profiles to compare with; by default those of the society (none: a plain one).

    **Raises**

    - ValueError: the society answers no `Menus`, or the profiles are not as many as the agents.
    """
    menus = society.scenario.base
    wanted = society.profiles if intended is None else intended
    if not isinstance(menus, Menus) or len(wanted) != menus.n_agents:
        raise ValueError(
            f"check() came with a society over {type(menus).__name__} and {len(wanted)} profiles; wanted "
            "menus and one profile an agent: check(cw.Society(Menus(n_agents=1), mind, profile))"
        )
    trace = run(society, worlds)
    return Check(tuple(realize(trace, menus, i, one or Profile()) for i, one in enumerate(wanted)))


def numbers(profile: Profile) -> np.ndarray:
    """Float[12]: the profile in the order of `NAMES`; without `prospect`, curve, loss and weights are 1."""
    p = {name: float(value) for name, value in vars(profile).items()}
    if not p["prospect"]:
        p |= dict.fromkeys(("curve", "loss", "gain_weight", "loss_weight"), 1.0)
    rate = 1.0 / p["attention"] if p["attention"] > 0.0 else p["precision"]
    return np.array([p.get(name, rate) for name in NAMES])


def realize(trace: Trace, menus: Menus, agent: int, intended: Profile) -> Realized:
    """The profile behind one agent's answers.

    Svo stays as intended where envy or guilt was intended, else envy does.
    """
    from scipy import stats  # imported late: half a second that --help need not pay

    every = trace.events["chosen"][:, :, agent].astype(int)
    chosen = every[trace.valid & (trace.alive & (every >= 0)).all(axis=1)]
    worlds, lost = len(chosen), len(every) - len(chosen)
    wanted, places = numbers(intended), np.arange(len(NAMES))
    if worlds < ENOUGH:
        few = f"{worlds} batteries, wanted {ENOUGH}"
        rows = [Row(name, float(x), reason=few) for name, x in zip(NAMES, wanted, strict=True)]
        return Realized(agent, tuple(rows), np.nan, worlds, lost, float(worlds))
    held = 0 if wanted[1] or wanted[2] else 1
    start = np.clip(np.append(wanted[:RATES], np.log(wanted[RATES:])), LOW, HIGH)
    taken = (chosen[:, :, None] == np.arange(len(LETTERS))).sum(axis=0).astype(float)
    answers = Answers(menus.items, taken, float(intended.reference) if float(intended.prospect) else 0.0)
    free = [NAMES.index(name) for block in answers.parts for name in BLOCKS[block][1]]
    free = np.setdiff1d([*free, NAMES.index("lapse")], held)
    calm = np.append(start[:TOLD], PLAIN[TOLD:])
    tries = [start, calm, *(np.append(svo, PLAIN[1:]) for svo in (-50.0, 0.0, 45.0))]
    fits = [answers.fit(np.where(places == held, start, one), free) for one in tries]
    best, cost = min(fits, key=lambda fit: fit[1])
    effect = answers.effect(best)
    answers, cost = replace(answers, taken=taken / effect), cost / effect
    why, tested = {}, []
    for block, (_, shows) in BLOCKS.items():
        mine = [NAMES.index(name) for name in shows if NAMES.index(name) != held]
        if reason := answers.silence(block, best, len(mine)):
            why |= dict.fromkeys(shows, f"{block}: {reason}")
        else:
            tested += mine[:-1]
    why |= {NAMES[held]: "held as intended"} | ({} if tested else {"lapse": "nothing was fitted"})
    rows = [
        Row(name, float(wanted[k]), reason=why[name])
        if name in why
        else _row(k, float(wanted[k]), best[k], answers.interval(k, best, cost, free, calm))
        for k, name in enumerate(NAMES)
    ]
    p, asked = np.nan, np.isin(places, tested)
    if tested:
        least = answers.fit(np.where(asked, start, best), np.setdiff1d(free, tested))[1]
        p = float(stats.chi2.sf(2.0 * (least - cost), len(tested)))
    rows.append(_slider(answers, chosen, start))
    return Realized(agent, tuple(rows), p, worlds, lost, worlds / effect)


def _row(k: int, wanted: float, best: float, ends: tuple[float, float]) -> Row:
    """The row of a parameter that was searched for."""
    name = NAMES[k]
    if np.isinf(ends).all():
        least, most = BOUNDS[name]
        return Row(name, wanted, reason=f"anything from {least:g} to {most:g} fits")
    value, low, high = (float(np.exp(x) if k >= RATES else x) for x in (best, *ends))
    if k >= TOLD:
        return Row(name, wanted, value, max(low, 0.0), high, "shown")
    inside, plain = (low <= x <= high for x in (wanted, PLAIN[k]))
    asked = wanted != PLAIN[k]
    verdict = "off" if not inside else "plain" if not asked else "unclear" if plain else "took"
    return Row(name, wanted, value, low, high, verdict)


def _slider(answers: "Answers", chosen: np.ndarray, start: np.ndarray) -> Row:
    """The angle of the six sliders, which needs no model, beside that of the intended profile."""
    six = answers.items["kind"] == 0
    if not six.any():
        return Row("slider angle", np.nan, reason="no sliders were asked")
    own, other = answers.items["high"][six], answers.items["other"][six]

    def angle(odds):
        means = [(odds * points).sum(axis=-1).mean(axis=-1) - 50.0 for points in (other, own)]
        return np.rad2deg(np.arctan2(*means))

    seen = estimate(angle((chosen[:, six, None] == np.arange(len(LETTERS))).astype(float)))
    kind = next(word for least, word in TYPES if seen.value > least)
    wanted = float(angle(answers.odds(start[None])[0, six]))
    return Row("slider angle", wanted, seen.value, seen.low, seen.high, "shown", kind)


@dataclass(frozen=True)
class Answers:
    """How often each option of each item was taken, Float[items, 9], and how likely that is."""

    items: Mapping[str, np.ndarray]
    taken: np.ndarray
    reference: float

    @cached_property
    def parts(self) -> dict[str, tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]]:
        """Block that was asked -> where its items are, the items, and which of their options are real."""
        found = {}
        for block, (kinds, _) in BLOCKS.items():
            where = np.flatnonzero(np.isin(self.items["kind"], kinds))
            if len(where):
                most = self.items["size"][where].max()
                item = {name: x[where, :most] if x.ndim > 1 else x[where] for name, x in self.items.items()}
                found[block] = where, item, np.arange(most) < item["size"][:, None]
        return found

    def odds(self, x: np.ndarray) -> np.ndarray:
        """Float[B, items, 9] of the options, by parameters Float[B, 12] with logarithms of precisions."""
        found = np.zeros((len(x), *self.taken.shape))
        p = {name: x[:, i, None, None] for i, name in enumerate(NAMES)}
        lapse = 1e-4 + (1.0 - 1e-4) * p["lapse"]
        for block, (where, item, real) in self.parts.items():
            rate = np.exp(p[BLOCKS[block][1][-1]])
            logits = np.where(real, rate * self._worth(block, item, p), -np.inf)
            weight = np.exp(logits - logits.max(axis=-1, keepdims=True))
            chosen = weight / weight.sum(axis=-1, keepdims=True)
            mixed = (1.0 - lapse) * chosen + lapse * real / item["size"][:, None]
            found[:, where, : mixed.shape[-1]] = mixed
        return found

    def _worth(self, block: str, item: Mapping[str, np.ndarray], p: Mapping[str, np.ndarray]) -> np.ndarray:
        """What the options are worth: the profile's formulas, in double precision."""
        high, low, chance, other = (item[name] for name in ("high", "low", "chance", "other"))

        def feel(points):
            gap = points - self.reference
            return np.where(gap >= 0.0, 1.0, -p["loss"]) * np.abs(gap) ** p["curve"]

        def weigh(q, bend):
            q = np.clip(q, 1e-12, 1.0)
            return q**bend / (q**bend + (1.0 - q) ** bend) ** (1.0 / bend)

        if block == "confidence":
            log_odds = np.log(chance / np.maximum(1.0 - chance, 1e-12)) + 3.0 * p["overconfident"]
            return -100.0 * (item["level"] - 1.0 / (1.0 + np.exp(-log_odds))) ** 2
        if block == "lotteries":
            up, down = weigh(chance, p["gain_weight"]), weigh(1.0 - chance, p["loss_weight"])
            top = np.where(high >= self.reference, up, 1.0 - down) * feel(high)
            return top + np.where(low >= self.reference, 1.0 - up, down) * feel(low)
        angle, ahead = np.deg2rad(p["svo"]), high - other
        unequal = p["envy"] * np.maximum(-ahead, 0.0) + p["guilt"] * np.maximum(ahead, 0.0)
        return np.cos(angle) * feel(high) + np.sin(angle) * other - unequal

    def fit(self, start: np.ndarray, free: np.ndarray, ftol: float = 1e-8) -> tuple[np.ndarray, float]:
        """The likeliest parameters, those not `free` staying as in `start`; and half the deviance."""
        from scipy.optimize import least_squares

        low, high, step = LOW[free], HIGH[free], 1e-5 * (HIGH - LOW)[free]
        answered, some = self.taken.sum(axis=-1, keepdims=True), self.taken > 0.0

        def residuals(rows):  # signed roots: their squares sum to the deviance
            x = np.repeat(start[None], len(rows), axis=0)
            x[:, free] = rows
            expected = answered * self.odds(x)
            ratio = np.where(some, self.taken, 1.0) / np.where(some, expected, 1.0)
            apart = self.taken * np.log(ratio) - self.taken + expected
            return (np.sign(expected - self.taken) * np.sqrt(2.0 * np.maximum(apart, 0.0))).reshape(
                len(x), -1
            )

        def slopes(one):
            by = np.where(one + step > high, -step, step)
            rows = residuals(np.vstack([one, one + np.diag(by)]))
            return ((rows[1:] - rows[0]) / by[:, None]).T

        inside, how = np.clip(start[free], low + step, high - step), {"ftol": ftol, "max_nfev": 50}
        jac: Any = slopes
        found = least_squares(
            lambda one: residuals(one[None])[0], inside, jac, (low, high), x_scale=high - low, **how
        )
        x = start.copy()
        x[free] = found.x
        return x, float(found.cost)

    def effect(self, x: np.ndarray) -> float:
        """How many batteries count as one: 1 where they differ as the odds say, all where they are alike."""
        times, odds = self.taken.sum(axis=-1), self.odds(x[None])[0]
        pairs = np.maximum(times * (times - 1.0), 1.0)
        alike = ((self.taken * (self.taken - 1.0)).sum(axis=-1) / pairs)[times > 1.0].mean()
        chance = (odds**2).sum(axis=-1)[times > 1.0].mean()
        within = np.clip((alike - chance) / max(1.0 - chance, 1e-9), 0.0, 1.0)
        return float(1.0 + (times.max() - 1.0) * within)

    def silence(self, block: str, x: np.ndarray, parameters: int) -> str:
        """Why a block shows nothing, if so: it was not asked, or answered as if by chance."""
        from scipy import stats

        if block not in self.parts:
            return "not asked"
        where, item, _ = self.parts[block]
        odds = np.maximum(self.odds(x[None])[0, where], 1e-300)
        gain = (self.taken[where] * np.log(odds * item["size"][:, None])).sum()
        return "no better than chance" if stats.chi2.sf(2.0 * gain, parameters) > CHANCE else ""

    def interval(
        self, k: int, best: np.ndarray, cost: float, free: np.ndarray, anew: np.ndarray
    ) -> tuple[float, float]:
        """The values of parameter `k` that are not rejected; an end is infinite where none is.

        None is rejected before a search from `anew` has failed too.
        """
        from scipy import stats

        others, most, last = free[free != k], np.sqrt(stats.chi2.ppf(SURE, 1)), [best]

        def beyond(value: float) -> float:
            for start in (last[0], anew):
                last[0], here = self.fit(np.where(np.arange(len(best)) == k, value, start), others, 1e-3)
                past = np.sqrt(max(2.0 * (here - cost), 0.0)) - most
                if past < 0.0:
                    break
            return past

        ends = []
        for sign, end in ((-1.0, LOW[k]), (1.0, HIGH[k])):
            last[0], far, past = best, best[k], -most
            near, inside = far, past
            for reach in (0.015, 0.05, 0.2, 1.0):
                if past < 0.0 and far != end:
                    near, inside = far, past
                    far = sign * min(sign * end, sign * best[k] + reach * (HIGH[k] - LOW[k]))
                    past = beyond(far)
            found = past > 0.0
            for _ in range(9):
                if found and past > 0.05:
                    at = near + (far - near) * np.clip(inside / (inside - past), 0.1, 0.9)
                    here = beyond(at)
                    near, inside, far, past = (
                        (near, inside, at, here) if here > 0.0 else (at, here, far, past)
                    )
            ends.append(far if found else sign * np.inf)
        return ends[0], ends[1]
