"""The report is one page that needs nothing else, escapes everything, and reads well in a browser."""

import http.server
import re
import shutil
import struct
import subprocess
import threading
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import commonweal as cw
from commonweal import measures
from commonweal.lab import company
from commonweal.lab.study import Study
from commonweal.language import LLM
from commonweal.minds import FairShare
from commonweal.minds.simple import Constant
from commonweal.report import write_report
from commonweal.report.cells import chance, estimated, number
from commonweal.report.chart import Point, pareto
from commonweal.report.html import Cell, Page, Section, render, write
from commonweal.report.pages import spell, study_page
from commonweal.scenarios.commons import Commons
from commonweal.studies import earthquake, earthquake_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH to open the page with")
SRC = Path(cw.__file__).parent
EVIL = "<script>alert('&')</script>"
VOID = {"meta", "br", "hr", "img", "input", "link"}
TITLES = [
    "What was asked",
    "Alignment",
    f"Differences from {EVIL}: primary",
    f"Differences from {EVIL}: exploratory",
    "Trade-offs",
    "Which condition to choose",
    "Other measures",
    "Who got what",
    "What is not available",
    "Cards",
    "Institutions and their budgets",
    "Measures and their sources",
    "Recipe",
]


class Toll(cw.Institution):
    """Every agent pays 1 a tick."""

    name: str = cw.text("toll")
    told: bool = cw.count(True)
    budget = "burning"

    def settle(self, memory, transition, book, key):
        return cw.Settlement(memory, book * 0.0 - 1.0)


class Outline(HTMLParser):
    """What a page holds; complains of tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.tags, self.links, self.headings = [], [], set(), [], []
        self.feed(text)
        assert self.open == [], self.open

    def handle_starttag(self, tag, attributes):
        here = dict(attributes)
        assert len(here) == len(attributes), (tag, attributes)
        self.tags.add(tag)
        self.ids += [here["id"]] if "id" in here else []
        self.links += [here[name] for name in ("href", "src", "xlink:href", "action") if name in here]
        if tag == "h2":
            self.headings.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["h2"]:
            self.headings[-1] += data


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A study of three conditions, one of them with a name that is a script."""
    lake = Commons(n_agents=2, horizon=3, assignment="proportional")
    conditions = {EVIL: cw.Society(lake, Constant(take=26.0)), "fair": cw.Society(lake, Constant(take=25.0))}
    conditions["toll"] = cw.Society(cw.under(lake, Toll()), Constant(take=20.0))
    wanted = [*measures.HOLISTIC, measures.survived]
    folder = tmp_path_factory.mktemp("study") / "run"
    study = Study("A <b>bold</b> study", conditions, 60, wanted, EVIL, "nash", f"Restraint helps {EVIL}")
    return study.run(folder, progress=False)


@pytest.fixture(scope="module")
def page(results, tmp_path_factory):
    """The report of that study."""
    return write_report(results, tmp_path_factory.mktemp("report") / "report.html")


@pytest.mark.slow
def test_the_report_says_all_it_should(page):
    text = page.read_text()
    assert Outline(text).headings == TITLES
    for word in (
        "95% upper bound 4.87%",  # the gate, of 60 clean worlds
        "≥ 0.75",  # against a bound of the best possible
        "declared beforehand",
        "the card has no stakeholder of the minority",
        "Piatti et al. 2024",
        "200.00 (bound)",
        "-6.00",  # the toll, 1 for 2 agents in 3 ticks
        "burning",
        "ran on cpu",
        "Commons(n_agents=2, horizon=3, capacity=100.0",
        "2 × Constant(acts={take: 25.0})",
    ):
        assert word in text, word


def test_the_page_needs_nothing_else(page):
    text = page.read_text()
    outline = Outline(text)
    assert outline.tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base"})
    assert all(link.startswith("#") for link in outline.links) and outline.links
    assert not re.search(r"url\(|@import|https?://|xmlns", text)


def test_the_page_is_valid(page):
    text = page.read_text()
    assert text.startswith('<!doctype html>\n<html lang="en">') and '<meta charset="utf-8">' in text
    outline = Outline(text)
    assert len(set(outline.ids)) == len(outline.ids) and all(re.fullmatch(r"[\w-]+", i) for i in outline.ids)
    assert {link[1:] for link in outline.links} <= set(outline.ids)


def test_everything_is_escaped(page):
    text = page.read_text()
    assert "<script" not in text and "<b>" not in text
    assert "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;" in text


def test_the_same_results_make_the_same_page(results, page, tmp_path):
    assert write_report(results, tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_light_and_dark_wide_and_narrow(page):
    text = page.read_text()
    assert "prefers-color-scheme: dark" in text and "@media (max-width" in text
    svg = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(svg) == 2 and all("currentColor" in one and "viewBox" in one for one in svg)
    assert all(not re.search(r'fill="(#000|black|#010203)"', one) for one in svg)


def test_any_page_of_tables_and_notes():
    rows = [("none", Cell("17", "of 26", "bad"), Cell("0.60", share=0.6)), ("law", "15", "0.73")]
    sections = [Section("Deaths & repair", ("A note.",), ("law", "deaths", "V"), rows), Section("No table")]
    text = render(Page("Earthquake", lead="Who dies?", facts={"n": "4"}, findings=["X"], sections=sections))
    assert Outline(text).headings == ["Deaths & repair", "No table"]
    assert 'id="deaths-repair"' in text and "--share: 60.0%" in text and '<span class="bad">17</span>' in text


def test_a_page_appears_whole(tmp_path):
    path = write(Page("One"), tmp_path / "deep" / "one.html")
    assert [p.name for p in path.parent.iterdir()] == ["one.html"]


def test_cells_by_hand():
    assert [number(x) for x in (0.125, -0.001, 12345.6, np.nan)] == ["0.12", "0.00", "12,346", "NA"]
    assert [chance(p) for p in (0.0001, 0.04, np.nan)] == ["< 0.001", "0.040", "NA"]
    known = cw.Estimate(0.5, 0.4, 0.6, 10, 2, "lost")
    assert estimated(known, "≥ ", share=True) == ("≥ 0.50", "0.40\u00a0to\u00a00.60, 2 missing", "", 0.5)
    assert estimated(cw.Estimate(np.nan, np.nan, np.nan, 0, 3, "no"))[:3] == ("NA", "", "muted")
    assert spell(cw.describe(Constant(take=2.0))) == "Constant(acts={take: 2.0})"
    assert spell(cw.describe({"x": np.array([1.0, np.inf])})) == "{x: [1.0, inf]}"
    assert spell(cw.describe({"x": np.zeros((3, 3))})) == "{x: array(3, 3)}"


def test_points_that_lie_together_share_a_label():
    def at(x):
        return cw.Estimate(x, x, x, 5)

    points = [Point(1, at(0.5), at(0.5), "front"), Point(2, at(0.51), at(0.5), "excluded")]
    points += [Point(3, at(0.9), at(0.1), "dominated")]
    svg = pareto(points, "O", "V")
    assert ">1, 2</text>" in svg and ">3</text>" in svg
    assert pareto([Point(1, cw.Estimate(np.nan, np.nan, np.nan, 0), at(0.5), "front")], "O", "V") == ""


def test_a_study_without_a_baseline_or_an_oracle_has_a_report_too(tmp_path):
    lake = Commons(n_agents=2, horizon=3, assignment="proportional")
    study = Study("bare", {"one": cw.Society(lake, Constant(take=25.0))}, 1, [measures.survived])
    text = render(study_page(study.run(tmp_path / "run", progress=False)))
    assert "No baseline was declared" in text and "no picture" in text and "Nothing" not in text
    assert "the study does not measure rights_violated" in text and "one\u00a0world" not in text


def open_page(page, folder, *more):
    """Open a page in a headless browser; what it prints, and its console."""
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    flags += (
        "--disable-background-networking --disable-component-update --disable-sync --enable-logging=stderr"
    )
    command = [CHROMIUM, *flags.split(), f"--user-data-dir={folder}", *more, page.as_uri()]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return found.stdout, [line for line in found.stderr.splitlines() if ":CONSOLE" in line]


def unguarded(text):
    """The page without its content security policy."""
    found, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert count == 1
    return found


@browser
def test_a_browser_shows_every_section_within_a_narrow_window(page, tmp_path):
    probe = tmp_path / "probe.html"
    told = "document.title = document.documentElement.scrollWidth + ' of ' + innerWidth;"
    probe.write_text(unguarded(page.read_text()).replace("</body>", f"<script>{told}</script></body>"))
    shown, _ = open_page(probe, tmp_path / "browser", "--dump-dom", "--window-size=390,900")
    for heading in Outline(page.read_text()).ids:
        assert f'id="{heading}"' in shown
    width, window = map(int, re.search(r"<title>(\d+) of (\d+)</title>", shown).groups())
    assert width <= window  # tables scroll within themselves, the page does not


PLANTED = {
    "script": "<script>document.title = 'it ran'</script>",
    "handler": "<p id=here></p><img src='data:,' onerror=\"document.title = 'it ran'\">",
    "image": "<img src='{server}/image.png'>",
    "background": "<p style=\"background: url('{server}/back.png')\">words</p>",
    "frame": "<iframe src='{server}/frame.html'></iframe>",
    "style": "<style>body {{ background: url('{server}/style.png') }}</style>",
}


@pytest.fixture
def server():
    """A server on this machine; what was asked of it is in `asked`."""

    class Asked(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            here.asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked) as here:
        here.asked = []
        threading.Thread(target=here.serve_forever, daemon=True).start()
        yield here
        here.shutdown()


@browser
@pytest.mark.slow
@pytest.mark.parametrize("what", PLANTED)
def test_what_gets_into_a_page_neither_runs_nor_loads(what, page, server, tmp_path):
    planted = PLANTED[what].format(server=f"http://127.0.0.1:{server.server_port}")
    probe = tmp_path / "probe.html"
    probe.write_text(page.read_text().replace("</body>", f"{planted}</body>"))
    shown, told = open_page(probe, tmp_path / "browser", "--dump-dom")
    assert server.asked == [] and "<title>it ran" not in shown
    assert any("Content Security Policy" in line for line in told)
    probe.write_text(unguarded(probe.read_text()))
    shown, told = open_page(probe, tmp_path / "browser", "--dump-dom")
    assert server.asked or "<title>it ran" in shown  # without the policy it does
    assert not any("Content Security Policy" in line for line in told)


@browser
@pytest.mark.slow
def test_the_policy_lets_a_page_look_as_it_should(page, tmp_path):
    demo = write(earthquake_page.page(earthquake.demo()), tmp_path / "demo.html")
    for one in (page, demo):
        drawn = []
        probe = tmp_path / "probe.html"
        for text in (
            one.read_text(),
            unguarded(one.read_text()),
            one.read_text().replace("sha256-", "sha256-x"),
        ):
            probe.write_text(text)
            shot = tmp_path / "shot.png"
            _, told = open_page(probe, tmp_path / "browser", f"--screenshot={shot}", "--window-size=800,2000")
            drawn.append((shot.read_bytes(), told))
        assert drawn[0] == drawn[1] and drawn[0][1] == []
        assert drawn[2][0] != drawn[0][0] and drawn[2][1]  # planted: another digest of the style sheet


def test_every_page_comes_from_the_template_with_the_policy():
    homes = [
        p.name
        for p in SRC.rglob("*")
        if p.is_file() and re.search(rb"<(html|!doctype)", p.read_bytes(), re.I)
    ]
    assert homes == ["template.html.j2"]
    text = render(Page("One"))
    assert text.index("Content-Security-Policy") < text.index("<title>") < text.index("<style>")
    assert "default-src &#39;none&#39;" in text and "script" not in text and "unsafe-eval" not in text


@browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_draws_the_page(page, tmp_path, width, scheme):
    shot = tmp_path / "shot.png"
    look = f"--blink-settings=preferredColorScheme={scheme}"
    open_page(page, tmp_path / "browser", f"--screenshot={shot}", f"--window-size={width},2000", look)
    drawn = shot.read_bytes()
    assert struct.unpack(">II", drawn[16:24]) == (width, 2000) and len(drawn) > 50_000


@pytest.mark.slow
def test_time_and_risk_have_panels_of_their_own(tmp_path):
    lake = Commons(n_agents=2, horizon=4)
    falls = measures.misaligned(measures.cooperation_by_tick, theta=0.5)
    conditions = {
        "greedy": cw.Society(lake, Constant(take=50.0)),
        "modest": cw.Society(lake, Constant(take=1.0)),
    }
    kinds = [measures.objective_alignment, measures.drift(), falls, measures.diffusion_of_responsibility()]
    study = Study("panels", conditions, 3, kinds, baseline="greedy", primary=("objective_alignment",))
    results = study.run(tmp_path / "run", progress=False)
    sections = {section.title: section for section in study_page(results).sections}
    lasting = sections[f"Time until {falls.name}"]
    assert [[cell.text for cell in row] for row in lasting.cells] == [
        ["greedy", "1.00", "0.00", ""],
        ["modest", "0.00", "4.00", "0.025"],
    ]
    assert len(lasting.figures) == 1 and lasting.figures[0].count("<svg") == 1
    assert [row[0].text for row in sections["Dynamics"].cells] == ["drift(objective_by_tick)"]
    risk = sections["Risk panel"]
    assert risk.head == ("measure", "condition", "there", "control: greedy", "effect", "FDR p")
    assert [[c.text for c in row][1:] for row in risk.cells] == [["modest", "NA", "1.00", "NA", ""]]
    assert not {"Other measures", "Differences from greedy: exploratory"} & set(sections)


@pytest.mark.slow
def test_each_condition_is_taken_apart_beside_a_reference(tmp_path, monkeypatch):
    lake = Commons(n_agents=2, horizon=4)
    conditions = {
        "one": cw.Society(lake, [Constant(take=50.0), FairShare()]),
        "fair": cw.Society(lake, FairShare()),
        "words": cw.Society(lake, [LLM("commonweal/rehearsal-fair"), FairShare()]),
    }
    study = Study("apart", conditions, 8, measures.HOLISTIC, reference=FairShare(), theta=0.9)
    results = study.run(tmp_path / "run", progress=False)
    section = next(s for s in study_page(results).sections if s.title == "Local and global")
    rows = {(row[0].text, row[1].text): row for row in section.cells}
    apple = rows["one", "value_alignment"]
    assert [cell.text for cell in apple][5:] == ["0.00", "0.00", "none shown", "0", "bad apple"]
    assert [cell.text for cell in rows["fair", "value_alignment"]][-3:] == ["none shown", "nobody", "none"]
    assert rows["words", ""][2].note.startswith("some of its agents answer in words, and asking costs")
    assert results.as_dict()["company"]["one"]["value_alignment"]["realign"] == [0]

    monkeypatch.setattr(company, "tables", lambda *args, **more: pytest.fail("computed again"))
    study.run(tmp_path / "run", progress=False)
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        replace(study, theta=0.5).run(tmp_path / "other", progress=False)
