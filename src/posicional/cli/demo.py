"""`posicional demo`: a sample day, end to end, in a folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.show import Teller
from posicional.cli.words import day_of
from posicional.errors import StoreError, UsageError

if TYPE_CHECKING:
    from posicional.contract.feed import Feed
    from posicional.demo.day import DemoFolder
    from posicional.ports import Clock
    from posicional.steps.advance import Outcome


@click.command(
    epilog="""\b
Examples:
  posicional demo
  posicional demo /tmp/a-day --date 2026-11-20 --rows 100000
  posicional demo --trouble"""
)
@click.argument("folder", type=click.Path(path_type=Path), default="posicional-demo")
@click.option("--date", "day", metavar="DATE", help="The business date of the demo.  [default: today]")
@click.option("--rows", type=click.IntRange(min=1), default=2_000, show_default=True, help="Contracts in the sample.")
@click.option("--trouble", is_flag=True, help="A day on which things go wrong.")
def demo(folder: Path, day: str | None, rows: int, trouble: bool) -> int:
    """Show a whole day in a folder.

    Seven positional files arrive in FOLDER one by one, each is converted, the last one opens the gate, the tables are
    joined, written, and published to an OpenSearch endpoint that the demo starts.

    The demo's clock starts in the morning and jumps from arrival to arrival.

    With --trouble one file is late and another is refused; noon passes and the alarm rings; a person accepts the
    refused file, and another file is corrected afterwards.
    """
    from posicional.contract.feed import Feed
    from posicional.demo import day as demo_day

    date_ = day_of(day) if day else datetime.now(UTC).astimezone().date()
    try:
        places = demo_day.lay_out(folder, date_, rows)
    except OSError as error:
        raise StoreError(f"the demo cannot be laid out: {error.strerror}", where=str(folder)) from error
    with _endpoint() as url:
        feed = Feed.load(places.feed, env={"OPENSEARCH_URL": url})
        # The demo puts whole files in place, so there is no need to wait whether they still grow.
        feed = dataclasses.replace(feed, settle=timedelta())
        if trouble:
            _trouble(places, feed, date_, rows, url)
        else:
            _good_day(places, feed, date_, url)
    _where(places, date_)
    return 0


def _good_day(places: DemoFolder, feed: Feed, day: date, url: str) -> None:
    """Seven files come in time."""
    from posicional.cli.outside import outside_for
    from posicional.demo import day as demo_day
    from posicional.demo.clock import DemoClock
    from posicional.steps.advance import advance

    clock = DemoClock(next(demo_day.moments(day, feed.timezone))[1])
    outside = outside_for(feed, str(places.store), Teller(clock, feed.timezone), clock)
    click.echo(f"{feed.name}, business date {day}: 7 files are expected by noon. (The demo has a clock of its own.)\n")
    for name, moment in demo_day.moments(day, feed.timezone):
        clock.jump_to(moment)
        demo_day.arrive(places, feed, name, day, moment)
        outcome = advance(feed, day, outside)
    _report(feed, outcome, clock)
    click.echo()
    _ask(feed, url)


def _trouble(places: DemoFolder, feed: Feed, day: date, rows: int, url: str) -> None:
    """A file is late, another is refused, noon passes, and a file is corrected."""
    from posicional.backends.notify import Lines
    from posicional.cli.outside import outside_for
    from posicional.demo import day as demo_day
    from posicional.demo import trouble
    from posicional.demo.clock import DemoClock

    trouble.spoil(places, day, rows)
    clock = DemoClock(next(demo_day.moments(trouble.first_day(day), feed.timezone))[1])
    teller = Teller(clock, feed.timezone)
    quiet = outside_for(feed, str(places.store), lambda _: None, clock, [Lines(click.echo)])
    loud = dataclasses.replace(quiet, tell=lambda event: None if event.step in trouble.QUIET else teller(event))
    click.echo(f"{feed.name}, business date {day}: 7 files are expected by noon. (The demo has a clock of its own.)")
    good = [str(one) for one in trouble.good_days(trouble.Stage(places, feed, day, clock, quiet), rows)]
    click.echo(f"All went well on {', '.join(good)}. Not today:\n")
    stage = trouble.Stage(places, feed, day, clock, loud)
    trouble.morning(stage)
    _scene(f"Noon. {trouble.LATE} has not come, {trouble.REFUSED} was refused: the alarm rings, once.")
    trouble.noon(stage)
    _scene("The sender is asked. A person accepts the refused file, and says why:")
    click.echo(f'$ posicional accept {feed.path} {trouble.REFUSED} --date {day} --why "{trouble.WHY}"')
    click.echo(trouble.accepted(stage))
    _scene(f"{trouble.LATE} comes at last: the gate opens, and those who were told of the alarm hear that it is over.")
    trouble.late_file(stage)
    contract = _ask(feed, url) or trouble.any_contract(stage)
    _scene(f"{trouble.CORRECTED} comes again, with contract {contract} cheaper: run 2, for this day alone.")
    outcome = trouble.correction(stage, contract)
    _ask(feed, url)
    _report(feed, outcome, clock)


def _scene(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}\n")


def _report(feed: Feed, outcome: Outcome, clock: Clock) -> None:
    from posicional.day.report import report

    click.echo(f"\n{report(feed, outcome.day, outcome.rest, clock.now()).text}")
    if outcome.problem is not None:
        raise outcome.problem


@contextmanager
def _endpoint() -> Iterator[str]:
    """An OpenSearch endpoint for the time of the demo."""
    try:
        from posicional.demo.osmem import start
    except ModuleNotFoundError as error:
        hint = "pip install 'posicional[demo]'"
        raise UsageError(f"{error.name} is not installed, the demo's OpenSearch endpoint", hint=hint) from error
    with start() as url:
        yield url


def _ask(feed: Feed, url: str) -> str:
    """Query the published alias once, as a reader would; the number of the dearest contract that was found."""
    from posicional.backends.clock import SystemClock
    from posicional.backends.endpoint import open_endpoint

    query = {
        "size": 3,
        "query": {"bool": {"filter": [{"term": {"uf": "SP"}}, {"range": {"valor": {"gte": 500}}}]}},
        "sort": [{"valor": "desc"}, {"numero_contrato": "asc"}],
    }
    index = feed.opensearch.datasets["contratos_ativos"].index if feed.opensearch else ""
    found = open_endpoint(url, SystemClock()).ask("POST", f"/{index}/_search", query)["hits"]
    count = found["total"]["value"]
    such = ", such as" if count else ""
    click.echo(f"a reader asks {index} for contracts in SP from 500 a month: {count} found{such}")
    for hit in found["hits"]:
        row = hit["_source"]
        words = [row["numero_contrato"], row["nome_plano"], row["cidade"], f"R$ {row['valor']}"]
        click.echo(f"  {'  '.join(words)}")
    return next((str(hit["_source"]["numero_contrato"]) for hit in found["hits"]), "")


def _where(places: DemoFolder, day: date) -> None:
    click.echo("\nlook at")
    for what, path in (
        ("the feed, to change and run again", places.feed),
        ("what arrived", places.store / "dados-posicionais"),
        ("as Parquet", places.store / "dados-parquet"),
        ("the datasets", places.store / "dados-processados"),
        ("the day's facts", places.store / "controle" / "planos" / day.isoformat()),
    ):
        click.echo(f"  {what:<34} {path}")
