"""The command line: thin doors to what the package does. Nothing heavy is imported before it is needed."""

import json
import shutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ._plain import console, failed, hide, plain_warnings, say, tell
from ._stored import BAD_INPUT, one_line

if TYPE_CHECKING:
    from .lab.study import Study

app = typer.Typer(
    help="A wind tunnel for societies of AI agents.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
File = Annotated[Path, typer.Argument(help="A Python file.", metavar="FILE")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Model = Annotated[
    str | None,
    typer.Option(
        help="Seat this language model: openai/gpt-5, commonweal/rehearsal-fair, any that Inspect knows."
    ),
]
Run = Annotated[Path, typer.Argument(help="A stored trace, or a folder a study was run into.", metavar="RUN")]
Trust = Annotated[bool, typer.Option("--trust", help="It is yours: import what its recipes name.")]
Out = Annotated[Path | None, typer.Option(help="The folder to write to; runs/NAME if not given.")]


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the command line; what a user can mend is one line on stderr and exit code 2."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        with plain_warnings():
            code = app(
                args=[a for a in args if a != "--debug"], prog_name="commonweal", standalone_mode=False
            )
    except Exception as error:  # noqa: BLE001  (its words may be a stranger's, so Python must not print them)
        code = failed(
            error, one_line(error) if isinstance(error, BAD_INPUT) and "--debug" not in args else ""
        )
    sys.exit(code or 0)


def _version(wanted: bool) -> None:
    if wanted:
        from . import __version__

        say(__version__)
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass


@app.command()
def run(
    file: File,
    *,
    out: Out = None,
    worlds: Annotated[int | None, typer.Option(help="Worlds per condition, instead of the study's.")] = None,
    workers: Annotated[int, typer.Option(help="Processes to share the work.", min=1)] = 1,
    model: Model = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try invalid worlds again.")] = False,
    as_json: Json = False,
    shard: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Run the studies of a file and report; a killed run goes on.

    A file without a study is made one: its scenarios, or else the commons, under none and each of its
    institutions, played at random.
    """
    from .lab.share import leash, share
    from .report import write_report
    from .studies.of_file import studies_of

    studies = studies_of(file, worlds, model)
    homes = [_home(study, out, len(studies) > 1) for study in studies]
    if shard:
        threading.Thread(target=leash, daemon=True).start()
        i, _, k = shard.partition("/")
        for study, home in zip(studies, homes, strict=True):
            study.run(home, shard=(int(i), int(k)), progress=False)
        return
    if workers > 1:
        share(
            file,
            {"--worlds": worlds, "--out": out, "--model": model},
            workers,
            (homes, sum(len(study.plan["cells"]) for study in studies)),
        )
    told = {}
    for study, home in zip(studies, homes, strict=True):
        results = study.run(home, retry=retry)
        assert results
        told[study.name] = results.as_dict()
        page = write_report(results, home / "report.html")
        if not as_json:
            tell(results, "", f"report: {page}")
    if as_json:
        _print_json(told if len(studies) > 1 else told[studies[0].name])


@app.command()
def demo(out: Out = None, as_json: Json = False) -> None:
    """Run the earthquake study and report; needs no key."""
    from .report.html import write
    from .studies.earthquake import demo
    from .studies.earthquake_page import page, render

    told = demo()
    found = page(told)
    path = write(found, (out or Path("runs/earthquake")) / "report.html")
    if as_json:
        return _print_json(told)
    render(found, console())
    say(f"report: {path}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Name the scenarios, institutions, minds, measures and tasks."""
    from .report.catalog import shelves

    found = shelves()
    if as_json:
        return _print_json(found)
    width = max(len(name) for some in found.values() for name in some) + 2
    for shelf, some in found.items():
        say(f"{shelf}:", *(f"  {name:<{width}}{what}" for name, what in some.items()))


catalog = typer.Typer(help="The measures: definition, source, needs, direction.", rich_markup_mode=None)
app.add_typer(catalog, name="measures")


@catalog.callback(invoke_without_command=True)
def measures(context: typer.Context, as_json: Json = False) -> None:
    """List the measures, or `show` one as a page."""
    if context.invoked_subcommand:
        return
    from . import measures as shelf
    from .report.catalog import measures as known
    from .report.catalog import row

    rows = [row(name, thing) for name, thing in known(shelf).items()]
    if as_json:
        return _print_json(rows)
    width = max(len(one["name"]) for one in rows) + 2
    say(*(f"{one['name']:<{width}}{one['definition']}" for one in rows))


@catalog.command()
def show(name: str) -> None:
    """Print all that a measure says of itself."""
    from . import measures as shelf
    from ._refuse import wanted
    from .report.catalog import measures as known
    from .report.catalog import page

    found = known(shelf)
    if name not in found:
        raise ValueError(f"there is no measure {name!r}; {wanted(name, found, 'commonweal measures')}")
    tell(page(name, found[name]))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A folder that a study was run into.", metavar="DIR")],
    out: Annotated[Path | None, typer.Option(help="The page to write; DIR/report.html if not given.")] = None,
) -> None:
    """Write the report of a finished study again."""
    from .lab.results import read_results
    from .report import write_report

    say(str(write_report(read_results(folder), out or folder / "report.html")))


@app.command()
def plan(
    file: File,
    *,
    model: Model = None,
    worlds: Annotated[int | None, typer.Option(help="Worlds per condition, instead of the study's.")] = None,
    price: Annotated[str, typer.Option(help="Dollars for a million tokens read and written: 1.25,10")] = "",
    seconds: Annotated[float, typer.Option(help="How long a call takes.", min=0.0)] = 3.0,
    in_flight: Annotated[int, typer.Option(help="Calls that may be under way at once.", min=1)] = 100,
    written: Annotated[int, typer.Option(help="The fewest tokens of a reply, thinking included.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Say what a study would ask of language models, and its price."""
    from .lab.forecast import forecast, render, to_dict
    from .studies.of_file import studies_of

    studies = studies_of(file, worlds, model)
    say(*(note for study in studies for note in study.notes), file=sys.stderr)
    found = {study.name: list(forecast(study, written)) for study in studies}
    told = [to_dict(name, one, price, seconds, in_flight) for name, some in found.items() for one in some]
    if as_json:
        return _print_json(told)
    render(told, console())


@app.command()
def replay(
    folder: Run,
    file: Annotated[Path | None, typer.Option(help="The Python file of its own components.")] = None,
    trust: Trust = False,
    as_json: Json = False,
) -> None:
    """Run stored traces again, asking nobody; exit 1 if one differs.

    Of the folder nothing is imported, unless you --trust it or give the FILE.
    """
    from .lab.again import again, stored
    from .lab.files import load

    if file is not None:
        load(file)
    found = {name: again(path, trust) for name, path in stored(folder, trust).items()}
    if as_json:
        _print_json(found)
    else:
        say(*(f"{name}: {differs or 'the same, bit for bit'}" for name, differs in found.items()))
    if any(found.values()):
        raise typer.Exit(1)


@app.command()
def account(
    folder: Run,
    *,
    harm: Annotated[str, typer.Option(help="What went wrong: a measure's name, or FILE.py:NAME.")],
    stand_in: Annotated[
        str | None, typer.Option(help="Who sits there instead: FairShare, 'Greedy(0.2)', FILE.py:NAME.")
    ] = None,
    agent: Annotated[bool, typer.Option("--agent", help="Account for agents (the default).")] = False,
    decision: Annotated[bool, typer.Option("--decision", help="Account for decisions.")] = False,
    budget: Annotated[int | None, typer.Option(help="Most calls to speakers, in all.", min=0)] = None,
    theta: Annotated[float | None, typer.Option(help="The value from which on a society passes.")] = None,
    world: Annotated[int, typer.Option(help="By decision: which world.", min=0)] = 0,
    file: Annotated[Path | None, typer.Option(help="The Python file of its own components.")] = None,
    trust: Trust = False,
    as_json: Json = False,
) -> None:
    """Say who caused it, by replaying with stand-ins.

    Of the folder nothing is imported, unless you --trust it or give the FILE.
    """
    from . import Measure, Mind
    from .lab.blame import accounts
    from .lab.files import load
    from .report.catalog import named

    if file is not None:
        load(file)
    what, who = named("measures", harm, Measure), named("minds", stand_in, Mind) if stand_in else None
    by = tuple(["decision"] * decision + ["agent"] * (agent or not decision))
    how = {"world": world, "theta": theta, "budget": budget, "called": stand_in, "trusted": trust}
    found = list(accounts(folder, what, who, by=by, **how))
    if as_json:
        return _print_json([{"trace": name, "by": kind} | one.as_dict() for name, kind, one in found])
    for i, (name, kind, one) in enumerate(found):
        say(*[""] * bool(i), f"{name}, by {kind}")
        tell(one)


@app.command()
def seal(
    folder: Run,
    key: Annotated[Path, typer.Option(help="The signing key.")],
    new: Annotated[
        bool, typer.Option("--new-key", help="Make the key, with its public half beside.")
    ] = False,
) -> None:
    """Write a signed log beside a run, for others to verify."""
    from . import ledger

    if new:
        ledger.new_key(key, key.stem)
        say(f"new key: {key} (keep it), {key}.vkey (give it to whoever verifies)")
    made = ledger.seal(folder, key)
    say(f"sealed {folder}: {made.size} entries, signed as {made.origin}")


@app.command()
def redact(
    folder: Run,
    words: Annotated[str, typer.Argument(help="What nobody shall read again.", metavar="WORDS")],
    why: Annotated[str, typer.Option(help="The reason; it is logged.")],
    key: Annotated[Path, typer.Option(help="The signing key.")],
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In the run's other files too.")] = False,
) -> None:
    """Take words out of a sealed run for good, and log that."""
    from .ledger import redact_words

    say(*redact_words(folder, words, why, key, everywhere=everywhere))


@app.command()
def verify(
    folder: Run,
    key: Annotated[Path | None, typer.Option(help="The public key that must have signed it (.vkey).")] = None,
    seen: Annotated[Path | None, typer.Option(help="A checkpoint seen before, to be extended.")] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Run the recipes too, asking nobody.")] = False,
    trust: Trust = False,
    as_json: Json = False,
) -> None:
    """Check a sealed run from its files; exit 1 if one is not it."""
    from .lab.again import stored
    from .ledger import verify as examine

    if trust and replay:
        stored(folder, trusted=True)
    found = examine(folder, key, replay, seen=seen, trust=trust)
    if as_json:
        _print_json(found.as_dict())
    else:
        tell(found)
    if not found.ok:
        raise typer.Exit(1)


@app.command()
def audit(
    path: Annotated[Path, typer.Argument(help="Decisions, conversations, spans, logs.", metavar="PATH")],
    columns: Annotated[list[str] | None, typer.Option(help="Which column is what: points=payoff.")] = None,
    as_json: Json = False,
) -> None:
    """Read recordings: who gains, talks to whom, lies."""
    from .interop import Columns, audit_any
    from .language.transcripts import read_logs

    found = audit_any(path, Columns.parse(columns or []), read_logs)
    if as_json:
        return _print_json(found.to_dict())
    found.render(console())


@app.command()
def calibrate(
    name: Annotated[str | None, typer.Argument(help="One target; all of the tier if not given.")] = None,
    tier: Annotated[str, typer.Option(help="fast (closed forms), slow (learning), or all.")] = "fast",
    page: Annotated[Path | None, typer.Option(help="Write the comparison as a Markdown page too.")] = None,
    as_json: Json = False,
) -> None:
    """Reproduce published results; exit 1 if one does not come back."""
    from .calibration import chosen, judge
    from .calibration.present import page as to_page
    from .calibration.present import render, to_dict

    verdicts = [judge(target) for target in chosen(name, tier)]
    if page:
        page.write_text(to_page(verdicts), encoding="utf-8")
    if as_json:
        _print_json([to_dict(verdict) for verdict in verdicts])
    else:
        render(verdicts, console(), rows=name is not None)
    if not all(verdict.passed for verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Try the laws of components on a file; exit 1 if one broke."""
    from .studies.of_file import checked, verdict

    found = checked(file)
    if as_json:
        _print_json({name: [fault._asdict() for fault in some] for name, (_, some) in found.items()})
    else:
        width = shutil.get_terminal_size().columns
        for name, (thing, some) in found.items():
            tell(f"{name}:{verdict(thing, some)}", *(fault.wrapped(width) for fault in some))
    if any(some for _, some in found.values()):
        raise typer.Exit(1)


def _print_json(data: Any) -> None:
    print(hide(json.dumps(data, indent=1, allow_nan=False)))


def _home(study: "Study", out: Path | None, several: bool) -> Path:
    """The folder of a study."""
    from .lab.plan import slug

    return Path("runs") / slug(study.name) if out is None else out / slug(study.name) if several else out
