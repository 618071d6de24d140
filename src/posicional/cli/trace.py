"""`posicional trace`: from a document back to its line, with a ruler over the fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.layout import kind_lines, room
from posicional.cli.show import print_json
from posicional.cli.words import feed_argument, json_option, store_option

if TYPE_CHECKING:
    from posicional.contract.feed import Feed
    from posicional.steps.trace import Traced


@click.command(
    epilog="""\b
Examples:
  posicional trace examples/planos/feed.yaml 0001012286
  posicional trace examples/planos/feed.yaml 0001012286 --date 2026-11-20
  posicional trace examples/planos/feed.yaml 0001012286 --reveal --why "complaint 4711\""""
)
@feed_argument
@click.argument("id_", metavar="ID")
@click.option("--date", "day", metavar="DATE", help="A business date; without it what readers see now.")
@click.option("--dataset", metavar="NAME", default="", help="Look in this dataset only.")
@click.option("--offline", is_flag=True, help="Look into the datasets of --date instead of OpenSearch.")
@click.option("--reveal", is_flag=True, help="Show personal fields too; goes with --why.")
@click.option("--why", metavar="TEXT", default="", help="The reason for --reveal; it is written into the day's ledger.")
@store_option
@json_option
def trace(
    feed_path: Path,
    id_: str,
    *,
    day: str | None,
    dataset: str,
    offline: bool,
    reveal: bool,
    why: str,
    store: str | None,
    as_json: bool,
) -> int:
    """Say which line a document came from.

    ID is the document's _id. Says from which run, file, line and byte it is, and shows that line, as it arrived, under
    a ruler of its fields with their values. Exit code 4 where the line can no longer be shown.
    """
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.steps.trace import trace as follow

    if reveal != bool(why.strip()):
        raise click.UsageError("--reveal and --why go together.")
    feed = Feed.load(feed_path)
    outside = outside_for(feed, store, lambda _: None)
    wanted = feed.calendar.parse_date(day) if day else None
    found = follow(feed, id_, outside, dataset=dataset, day=wanted, offline=offline, reveal=why.strip())
    if as_json:
        print_json({"feed": feed.name, **asdict(found)})
    else:
        click.echo("\n".join(_lines(feed, found)))
    return 4 if found.problem and found.origin.path else 0


def _lines(feed: Feed, found: Traced) -> Iterator[str]:
    origin, arrived, shown = found.origin, found.arrived, found.shown
    date_ = feed.calendar.format_date
    yield f"document  {origin.id}" + (", which stands for one that is gone" if origin.gone else "")
    yield f"dataset   {origin.dataset}" + (f", in {origin.index}" if origin.index else "")
    yield f"run       {origin.run} of {date_(origin.of)}"
    if arrived is not None:
        at = arrived.seen.astimezone(feed.timezone)
        yield f"file      {origin.path}: arrival {arrived.number} of {arrived.file}, {at:%Y-%m-%d %H:%M:%S}"
        yield f"line      {origin.line:,}, from byte {origin.byte:,}"
        if arrived.layout_changed:
            yield "note      the contract reads this file otherwise since; the line is shown as it is read now"
    if origin.others:
        days = ", ".join(map(date_, origin.others[:5]))
        more = f" and {len(origin.others) - 5} more" if len(origin.others) > 5 else ""
        yield f"also      {days}{more}: look with --date"
    if found.problem:
        yield f"\n{found.problem}"
    if shown is not None:
        yield ""
        yield from kind_lines(shown, found.unit, room())
