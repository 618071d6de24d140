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


@click.command(
    epilog="""\b
Examples:
  posicional demo
  posicional demo /tmp/a-day --date 2026-11-20 --rows 100000"""
)
@click.argument("folder", type=click.Path(path_type=Path), default="posicional-demo")
@click.option("--date", "day", metavar="DATE", help="The business date of the demo.  [default: today]")
@click.option("--rows", type=click.IntRange(min=1), default=2_000, show_default=True, help="Contracts in the sample.")
def demo(folder: Path, day: str | None, rows: int) -> int:
    """Show a whole day in a folder.

    Seven positional files arrive in FOLDER one by one, each is converted, the last one opens the gate, the tables are
    joined, written, and published to an OpenSearch endpoint that the demo starts.

    The demo's clock starts in the morning and jumps from arrival to arrival.
    """
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.day.report import report
    from posicional.demo import day as demo_day
    from posicional.demo.clock import DemoClock
    from posicional.steps.advance import advance

    date_ = day_of(day) if day else datetime.now(UTC).astimezone().date()
    try:
        places = demo_day.lay_out(folder, date_, rows)
    except OSError as error:
        raise StoreError(f"the demo cannot be laid out: {error.strerror}", where=str(folder)) from error
    with _endpoint() as url:
        feed = Feed.load(places.feed, env={"OPENSEARCH_URL": url})
        # The demo puts whole files in place, so there is no need to wait whether they still grow.
        feed = dataclasses.replace(feed, settle=timedelta())
        clock = DemoClock(next(demo_day.moments(date_, feed.timezone))[1])
        outside = outside_for(feed, str(places.store), Teller(clock, feed.timezone), clock)
        click.echo(
            f"{feed.name}, business date {date_}: 7 files are expected by noon. (The demo has a clock of its own.)\n"
        )
        for name, moment in demo_day.moments(date_, feed.timezone):
            clock.jump_to(moment)
            demo_day.arrive(places, feed, name, date_, moment)
            outcome = advance(feed, date_, outside)
        click.echo(f"\n{report(feed, outcome.day, outcome.rest, clock.now()).text}\n")
        if outcome.problem is not None:
            raise outcome.problem
        _ask(feed, url)
    _where(places, date_)
    return 0


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


def _ask(feed: Feed, url: str) -> None:
    """Query the published alias once, as a reader would."""
    from opensearchpy import OpenSearch

    query = {
        "size": 3,
        "query": {"bool": {"filter": [{"term": {"uf": "SP"}}, {"range": {"valor": {"gte": 500}}}]}},
        "sort": [{"valor": "desc"}, {"numero_contrato": "asc"}],
    }
    index = feed.opensearch.datasets["contratos_ativos"].index if feed.opensearch else ""
    found = OpenSearch(url).search(index=index, body=query)["hits"]
    click.echo(f"a reader asks {index} for contracts in SP from 500 a month: {found['total']['value']} found, such as")
    for hit in found["hits"]:
        row = hit["_source"]
        words = [row["numero_contrato"], row["nome_plano"], row["cidade"], f"R$ {row['valor']}"]
        click.echo(f"  {'  '.join(words)}")


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
