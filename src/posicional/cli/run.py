"""`posicional run`: whatever is left to do for a day, or for many, to the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.show import Teller, print_json
from posicional.cli.words import feed_argument, json_option, store_option
from posicional.errors import NotDone, worst

if TYPE_CHECKING:
    from datetime import date

    from posicional.contract.feed import EngineName, Feed
    from posicional.ports import Outside
    from posicional.steps.advance import Outcome
    from posicional.steps.backfill import Ended, Plan


@click.command(
    epilog="""\b
Examples:
  posicional run examples/planos/feed.yaml --date 2026-11-22
  posicional run examples/sigtap/feed.yaml --date 2020-03 --store ./dados --no-publish
  posicional run examples/planos/feed.yaml --from 2026-01-01 --to 2026-06-30"""
)
@feed_argument
@click.option("--date", "day", metavar="DATE", help="The business date, YYYY-MM-DD (a monthly feed: YYYY-MM).")
@click.option("--from", "first", metavar="DATE", help="The first of many business dates; goes with --to.")
@click.option("--to", "last", metavar="DATE", help="The last of them.")
@store_option
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), help="What runs the SQL, in place of the feed's.")
@click.option("--again", is_flag=True, help="Process anew, even if nothing has changed.")
@click.option("--no-publish", is_flag=True, help="Stop when the datasets are written.")
@json_option
def run(
    *,
    feed_path: Path,
    day: str | None,
    first: str | None,
    last: str | None,
    store: str | None,
    engine: EngineName | None,
    again: bool,
    no_publish: bool,
    as_json: bool,
) -> int:
    """Do what is left to do for a day, or for many.

    Converts what has arrived; when the set is complete, joins, writes and publishes. Says what is missing otherwise.
    Running a finished day does nothing. Killed at any point, run it again.

    With --from and --to: shows the plan, then goes on with the dates that have something to do, the newest first and a
    few at once. The exit code is that of the worst.
    """
    from posicional.backends.clock import SystemClock
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed

    if bool(day) == bool(first or last) or bool(first) != bool(last):
        raise click.UsageError("Missing option '--date', or '--from' and '--to'; one of the two.")
    feed = Feed.load(feed_path)
    if engine:
        feed = dataclasses.replace(feed, engine=dataclasses.replace(feed.engine, use=engine))
    clock = SystemClock()
    outside = outside_for(feed, store, Teller(clock, feed.timezone, quiet=as_json), clock)
    publish = not no_publish
    if day:
        return _run_day(feed, feed.calendar.parse_date(day), outside, again=again, publish=publish, as_json=as_json)
    span = (feed.calendar.parse_date(first or ""), feed.calendar.parse_date(last or ""))
    return _run_many(feed, span, outside, again=again, publish=publish, as_json=as_json)


def _run_day(feed: Feed, day: date, outside: Outside, *, again: bool, publish: bool, as_json: bool) -> int:
    from posicional.day.report import report, to_json
    from posicional.steps.advance import advance

    outcome = advance(feed, day, outside, again=again, publish=publish)
    unfinished = (*outcome.unfinished, *outcome.undated, *_no_files(feed, outcome))
    now = outside.clock.now()
    told = report(feed, outcome.day, outcome.rest, now, unknown=outcome.unknown, unfinished=unfinished)
    if as_json:
        print_json(to_json(told))
    else:
        click.echo()
        click.echo(told.text)
    if outcome.problem is not None:
        raise outcome.problem
    return 0


def _no_files(feed: Feed, outcome: Outcome) -> Iterator[str]:
    """What lies in a folder under the name of a missing file and is none: a person sees it there and wonders."""
    for name in outcome.rest.files if "://" not in outcome.incoming else ():
        path = Path(outcome.incoming) / feed.files[name].pattern.format(outcome.day.date)
        if path.is_dir():
            yield f"{path.name} is a folder, not a file"
        elif path.is_symlink() and not path.exists():
            yield f"{path.name} is a link that leads nowhere"


def _run_many(
    feed: Feed, span: tuple[date, date], outside: Outside, *, again: bool, publish: bool, as_json: bool
) -> int:
    from posicional.steps.backfill import carry_out, plan

    planned = plan(feed, *span, outside, again=again)
    if not as_json:
        for text in _plan_lines(feed, planned, again=again):
            click.echo(text)
    ended = []
    for one in carry_out(feed, planned, outside, again=again, publish=publish):
        ended.append(one)
        if not as_json:
            click.echo(one.line.shown)
    if as_json:
        print_json(_many_as_json(feed, planned, ended))
    return worst([*(one.exit_code for one in ended), NotDone.exit_code if planned.empty else 0])


def _plan_lines(feed: Feed, planned: Plan, *, again: bool) -> Iterator[str]:
    """What each date needs; those that need nothing, or of which there is nothing, as stretches."""
    from posicional.day.report import line

    yield f"{feed.name}: {len(planned.work)} of {planned.count} business dates have something to do"
    for one in planned.work:
        anew = "to be made anew; " if again and one.day.run else ""
        shown = line(feed, one.day, one.action, one.new)
        yield dataclasses.replace(shown, text=anew + shown.text).shown
    finished = [one.day.date for one in planned.finished]
    for what, dates in (("finished already", finished), ("nothing is here of", planned.empty)):
        if dates:
            yield f"{what}: {', '.join(_stretches(feed, dates))}"
    if planned.work:
        yield ""


def _stretches(feed: Feed, dates: Sequence[date]) -> Iterator[str]:
    """Business dates, newest first, as stretches without a gap."""
    calendar = feed.calendar
    begin = 0
    for at, day in enumerate(dates):
        if at + 1 == len(dates) or calendar.previous(day) != dates[at + 1]:
            first, last = calendar.format_date(day), calendar.format_date(dates[begin])
            yield first if first == last else f"{first} to {last}"
            begin = at + 1


def _many_as_json(feed: Feed, planned: Plan, ended: Sequence[Ended]) -> dict[str, object]:
    shown = feed.calendar.format_date
    return {
        "feed": feed.name,
        "days": [dataclasses.asdict(one.line) | {"exit_code": one.exit_code} for one in ended],
        "finished": [shown(one.day.date) for one in planned.finished],
        "empty": [*map(shown, planned.empty)],
    }
