"""Draw docs/earthquake.svg, the picture of the README.

commonweal demo --json | python docs/picture.py
"""

import json
import sys
from pathlib import Path

import altair as alt

NAMES = {"none": "no institution", "A first": "A commits first"}
ENDS = {"best": "best equilibrium", "worst": "worst equilibrium"}
PARTS = {"O": "O: the task", "P_min": "P: the worst-off principal", "V": "V: human values"}
told = [r for r in json.load(sys.stdin) if r["kind"] == "condition"]
names = {r["condition"]: NAMES.get(r["condition"], r["condition"]) for r in told}
rows = [
    {"condition": names[r["condition"]], "end": ENDS[r["equilibrium"]], "what": said, "score": r[part]}
    for r in told
    for part, said in PARTS.items()
]
where = alt.Y(
    "condition:N",
    sort=list(names.values()),
    title=None,
    axis=alt.Axis(domain=False, ticks=False, labelPadding=8),
)
score = alt.X(
    "score:Q",
    title="alignment",
    scale=alt.Scale(domain=[-0.04, 1.04], nice=False),
    axis=alt.Axis(values=[0, 0.5, 1], format=".2f"),
)
color = alt.Color(
    "what:N",
    title=None,
    sort=list(PARTS.values()),
    scale=alt.Scale(domain=list(PARTS.values()), range=["#7d8891", "#3f7fd0", "#c2407a"]),
    legend=alt.Legend(orient="top", labelFontSize=13, symbolSize=140, labelLimit=300, columnPadding=40),
)
end = alt.Column("end:N", sort=list(ENDS.values()), title=None, header=alt.Header(labelFontSize=14))
base = alt.Chart(alt.Data(values=rows))
lines = base.mark_rule(strokeWidth=2, color="#d5dade").encode(y=where, x="min(score):Q", x2="max(score):Q")
dots = base.mark_point(size=170, filled=True, opacity=1).encode(y=where, x=score, color=color)
chart = (lines + dots).properties(width=270, height=280).facet(column=end, spacing=30)
chart = chart.properties(background="white", padding=16)
chart = chart.configure(font="system-ui, sans-serif").configure_view(stroke=None)
chart = chart.configure_axis(labelFontSize=13, titleFontSize=13, grid=False, titleFontWeight="normal")
chart.save(Path(__file__).with_name("earthquake.svg"))
