"""Pictures of a report as SVG that goes into a page as it is: conditions as points, and step lines."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._measure import Estimate

INK = "#010203"  # stands for the page's own text color, light or dark
PALETTE = ("#0f8b8d", "#d1761b", "#8264c8", "#c2407a", "#5c8f2e", "#3f7fd0", "#a8842c", "#7d8891")
SIZE = (400, 300)  # the plot in pixels
MOST = 100  # points of a line of means
NEAR = 0.05  # points closer than this share of the plot get one label together


class Point(NamedTuple):
    """A condition in the picture: its number, where it is, if it is on the front, dominated or excluded."""

    number: int
    x: Estimate
    y: Estimate
    status: str


SHAPES = {"front": "circle", "dominated": "circle", "excluded": "cross"}


def pareto(points: Sequence[Point], x: str, y: str) -> str:
    """A scatter of the conditions whose two values are known, with 95 % intervals; "" if there is none."""
    import altair as alt

    known = [p for p in points if p.x.n and p.y.n]
    if not known:
        return ""
    ends = [(end if end == end else p.value) for q in known for p in (q.x, q.y) for end in (p.low, p.high)]
    low, high = min(0.0, *ends), max(1.0, *ends)
    scale = alt.Scale(domain=[low - 0.04 * (high - low), high + 0.12 * (high - low)], nice=False)
    base = alt.Chart(alt.Data(values=[_mark(p) for p in known]))
    labels = alt.Chart(alt.Data(values=_labels(known, NEAR * (high - low))))
    across, up = alt.X("x:Q", title=x, scale=scale), alt.Y("y:Q", title=y, scale=scale)
    color = alt.Color("color:N", scale=None)
    layers = [
        base.mark_rule(strokeWidth=1.5).encode(alt.X("x0:Q", scale=scale), up, x2="x1:Q", color=color),
        base.mark_rule(strokeWidth=1.5).encode(across, alt.Y("y0:Q", scale=scale), y2="y1:Q", color=color),
        base.mark_point(size=90, strokeWidth=2, opacity=1).encode(
            across,
            up,
            color=color,
            shape=alt.Shape("shape:N", scale=None),
            fill=alt.Fill("fill:N", scale=None),
        ),
    ]
    text: dict[str, Any] = {
        "align": "left",
        "baseline": "bottom",
        "dx": 7,
        "dy": -5,
        "fontSize": 14,
        "fontWeight": "bold",
    }
    layers.append(labels.mark_text(**text).encode(across, up, text="text:N"))
    chart = alt.layer(*layers).properties(width=SIZE[0], height=SIZE[1])
    return _dressed(chart, f"{y} against {x}")


def steps(curves: Mapping[str, tuple[Any, Any]], last: float, x: str, y: str) -> str:
    """Step lines from 1 at 0, a curve (times, shares) for each name, up to `last`; "" if there is none."""
    import altair as alt

    if not curves:
        return ""
    rows = []
    for i, (name, (times, shares)) in enumerate(curves.items()):
        color = PALETTE[i % len(PALETTE)]
        ends = [(0.0, 1.0), *zip(map(float, times), map(float, shares), strict=True)]
        rows += [{"x": t, "y": s, "name": name, "color": color} for t, s in [*ends, (last, ends[-1][1])]]
    names = list(curves)
    scale = alt.Scale(domain=names, range=[PALETTE[i % len(PALETTE)] for i in range(len(names))])
    chart = alt.Chart(alt.Data(values=rows)).mark_line(interpolate="step-after", strokeWidth=2)
    chart = chart.encode(
        alt.X("x:Q", title=x, scale=alt.Scale(domain=[0.0, max(last, 1.0)], nice=False)),
        alt.Y("y:Q", title=y, scale=alt.Scale(domain=[0.0, 1.0])),
        color=alt.Color("name:N", scale=scale, sort=names, legend=alt.Legend(title=None, labelColor=INK)),
    )
    return _dressed(chart.properties(width=SIZE[0], height=SIZE[1] * 2 // 3), f"{y} by {x}")


def bands(curves: Mapping[str, np.ndarray], x: str, y: str) -> str:
    """Lines of means, bands from the least to the most, of Float[runs, steps] each; "" if there is none."""
    import altair as alt

    rows = []
    for name, runs in curves.items():
        size = -(-runs.shape[1] // MOST)  # steps that are drawn as one
        for start in range(0, runs.shape[1], size):
            here = runs[:, start : start + size].mean(axis=1)
            ends = {"low": float(here.min()), "high": float(here.max())}
            rows.append({"x": start, "y": float(here.mean()), "name": name} | ends)
    if not rows:
        return ""
    names = list(curves)
    scale = alt.Scale(domain=names, range=[PALETTE[i % len(PALETTE)] for i in range(len(names))])
    color = alt.Color("name:N", scale=scale, sort=names, legend=alt.Legend(title=None, labelColor=INK))
    base = alt.Chart(alt.Data(values=rows)).encode(alt.X("x:Q", title=x), color=color)
    band = base.mark_area(opacity=0.2).encode(alt.Y("low:Q", title=y), y2="high:Q")
    chart = alt.layer(band, base.mark_line(strokeWidth=2).encode(alt.Y("y:Q", title=y)))
    return _dressed(chart.properties(width=SIZE[0], height=SIZE[1] * 2 // 3), f"{y} by {x}")


def _mark(p: Point) -> dict[str, Any]:
    """A point as data."""
    color = PALETTE[(p.number - 1) % len(PALETTE)]
    ends = {"x0": p.x.low, "x1": p.x.high, "y0": p.y.low, "y1": p.y.high}
    row: dict[str, Any] = {"x": p.x.value, "y": p.y.value}
    row |= {name: row[name[0]] if end != end else end for name, end in ends.items()}
    fill = color if p.status == "front" else "transparent"
    return row | {"color": color, "fill": fill, "shape": SHAPES[p.status]}


def _labels(points: Sequence[Point], near: float) -> list[dict[str, Any]]:
    """The numbers of the points; those that lie together share a label."""
    groups: list[list[Point]] = []
    for p in points:
        beside = (abs(p.x.value - g[0].x.value) + abs(p.y.value - g[0].y.value) < near for g in groups)
        home = next((g for g, yes in zip(groups, beside, strict=True) if yes), None)
        home.append(p) if home else groups.append([p])
    return [
        {
            "x": max(p.x.value for p in g),
            "y": max(p.y.value for p in g),
            "text": ", ".join(str(p.number) for p in g),
        }
        for g in groups
    ]


def _dressed(chart: Any, label: str) -> str:
    """A chart in the page's own font and color, as SVG."""
    inks = dict.fromkeys(("labelColor", "titleColor", "domainColor", "tickColor", "gridColor"), INK)
    sizes = {"gridOpacity": 0.1, "labelFontSize": 12, "titleFontSize": 13, "titleFontWeight": "normal"}
    chart = chart.properties(background="transparent").configure(font="system-ui, sans-serif")
    chart = chart.configure_view(stroke=None).configure_axis(**inks, **sizes, tickCount=5)
    return _svg(chart.configure_text(color=INK).to_dict(), label)


def _svg(chart: dict[str, Any], label: str) -> str:
    """A chart as SVG for a page: no size and no namespace of its own, text in the page's color."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg(chart)
    head, rest = svg[: svg.index(">")], svg[svg.index(">") :]
    head = re.sub(r' (xmlns(:\w+)?|version|class|width|height)="[^"]*"', "", head)
    title = re.sub(r"[<>&\"]", "", label)
    return f'{head} role="img" aria-label="{title}"{rest}'.replace(INK, "currentColor")
