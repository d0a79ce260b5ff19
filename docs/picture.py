"""Draw docs/earthquake.svg, the picture of the README.

commonweal demo --json | python docs/picture.py
"""

import json
import sys
from pathlib import Path

import altair as alt

NAMES = {
    "none": "no institution",
    "gate": "gate",
    "fund": "fund",
    "A first": "A commits first",
    "gate + fund + A first": "all three",
}
PARTS = {"O": "O: the task", "P_min": "P: the worst-off principal", "V": "V: human values"}
rows = [
    {"condition": NAMES[r["condition"]], "what": said, "score": r[part]}
    for r in json.load(sys.stdin)
    if r.get("kind") == "condition" and r["equilibrium"] == "best" and r["condition"] in NAMES
    for part, said in PARTS.items()
]
where = alt.Y(
    "condition:N",
    sort=list(NAMES.values()),
    title=None,
    axis=alt.Axis(domain=False, ticks=False, labelPadding=8),
)
score = alt.X(
    "score:Q",
    title="alignment in equilibrium",
    scale=alt.Scale(domain=[-0.03, 1.03], nice=False),
    axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2f"),
)
color = alt.Color(
    "what:N",
    title=None,
    sort=list(PARTS.values()),
    scale=alt.Scale(domain=list(PARTS.values()), range=["#7d8891", "#3f7fd0", "#c2407a"]),
    legend=alt.Legend(orient="top", labelFontSize=13, symbolSize=140, labelLimit=300, columnPadding=40),
)
base = alt.Chart(alt.Data(values=rows))
lines = base.mark_rule(strokeWidth=2, color="#d5dade").encode(y=where, x="min(score):Q", x2="max(score):Q")
dots = base.mark_point(size=190, filled=True, opacity=1).encode(y=where, x=score, color=color)
chart = (lines + dots).properties(width=560, height=200, background="white", padding=16)
chart = chart.configure(font="system-ui, sans-serif").configure_view(stroke=None)
chart = chart.configure_axis(labelFontSize=13, titleFontSize=13, grid=False, titleFontWeight="normal")
chart.save(Path(__file__).with_name("earthquake.svg"))
