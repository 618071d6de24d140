"""The report of a day: what is there, what is missing, what was made and shown, and what comes next. Pure.

`status` and `demo` print its text; `to_json` is the same for a script.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from posicional.contract.feed import Feed
from posicional.day.decisions import person
from posicional.day.facts import End, PublicationEnd, RunEnd, Seen
from posicional.day.gate import Action, Convert, Process, Publish, Rest
from posicional.day.keys import INCOMING
from posicional.day.state import USABLE, Arrival, Day, FileDay

MOST_UNKNOWN = 5
"""Names of no file that a report tells one by one: several feeds may share a folder."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file. `status`: converted, accepted (a refusal that a person lets count), refused, arrived (not read yet),
    missing, waived, absent (an optional one), or earlier (an arrival of the earlier date `of` is used).

    `arrival` is the number that counts, 0 without one; `expected` the name waited for; `by` the local time at which
    it is expected; `refused` says why the newest arrival was refused, also where an older one counts.
    """

    name: str
    status: str
    arrival: int = 0
    path: str = ""
    at: str = ""
    rows: int = 0
    rejects: int = 0
    controls: Mapping[str, Mapping[str, str | int | bool | None]] = dataclasses.field(default_factory=dict)
    refused: tuple[str, ...] = ()
    expected: str = ""
    by: str = ""
    overdue: bool = False
    owner: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run, as its facts tell it. `absent`: tables that were empty because their file was not there."""

    number: int
    status: str
    at: str
    seconds: float = 0.0
    reason: str = ""
    datasets: Mapping[str, int] = dataclasses.field(default_factory=dict)
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionReport:
    """What a person decided. `about` is a sentence's end: `sinistros, arrival 1`; empty where it is the whole day."""

    number: int
    decision: str
    about: str
    why: str
    who: str
    at: str


@dataclass(frozen=True, slots=True)
class ShownReport:
    """A dataset that readers of a target see. `refused`: documents that the target did not take."""

    target: str
    run: int
    dataset: str
    index: str
    aliases: tuple[str, ...]
    documents: int
    refused: int


@dataclass(frozen=True, slots=True)
class Report:
    """A day at a glance. `current` is the number of the run whose datasets count, 0 without one."""

    feed: str
    date: str
    files: tuple[FileReport, ...]
    runs: tuple[RunReport, ...]
    current: int
    shown: tuple[ShownReport, ...]
    decisions: tuple[DecisionReport, ...]
    next: str
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """The report as a terminal shows it."""
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The lines of the text."""
        width = max(len(file.name) for file in self.files) if self.files else 0
        lines = [f"{self.feed} {self.date}", "", "files"]
        for file in self.files:
            lines += _file_lines(file, width)
        for run in self.runs:
            lines += ["", *_run_lines(run, current=run.number == self.current)]
        if self.shown:
            lines += ["", "published", *(_shown_line(one) for one in self.shown)]
        if self.decisions:
            lines += ["", "decisions", *(_decision_line(one) for one in self.decisions)]
        if self.notes:
            lines += ["", "notes", *(f"  {note}" for note in self.notes)]
        return [*lines, "", f"next: {self.next}"]


def to_json(report: Report) -> dict[str, Any]:
    """Plain values, for a script."""
    return dataclasses.asdict(report)


def report(
    feed: Feed,
    day: Day,
    action: Action,
    now: datetime,
    *,
    unknown: tuple[str, ...] = (),
    unfinished: tuple[str, ...] = (),
    alerts: tuple[str, ...] = (),
) -> Report:
    """The report of a day at a moment, where `action` is what comes next.

    `unknown` are names of no file, `unfinished` sentences about what lies there and does not count, `alerts` about what
    people have not heard.
    """
    return Report(
        feed=feed.name,
        date=feed.calendar.format_date(day.date),
        files=tuple(_file(feed, day, file, now) for file in day.files.values()),
        runs=tuple(_runs(feed, day)),
        current=day.run.number if day.run else 0,
        shown=tuple(_shown(day)),
        decisions=tuple(_decisions(feed, day)),
        next=next_text(action),
        notes=(*unfinished, *alerts, *_notes(day, unknown)),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A day in a line. `word`: how it stands (`Rest.why`), or `to do`; `new`: arrivals that nobody has taken yet;
    `alerts`: what people have not heard though they should.
    """

    date: str
    word: str
    text: str
    new: int = 0
    alerts: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """As a terminal shows it."""
        return "\n".join([f"  {self.date}  {self.word:<8}  {self.text}", *(f"    {alert}" for alert in self.alerts)])


def line(feed: Feed, day: Day, action: Action, new: int = 0, alerts: tuple[str, ...] = ()) -> Line:
    """A day in a line, where `action` comes next once what is `new` has been taken, which may change it."""
    date = feed.calendar.format_date(day.date)
    if new:
        run = f"; run {day.run.number} is current" if day.run else ""
        return Line(date, "to do", f"{_count(new, 'new arrival')}{run}", new, alerts)
    word, text = (action.why, action.text) if isinstance(action, Rest) else ("to do", next_text(action))
    return Line(date, word, text, alerts=alerts)


def next_text(action: Action) -> str:
    """What comes next, in words."""
    match action:
        case Convert(file, number):
            return f"read arrival {number} of {file}"
        case Process():
            return "all files are here: a run"
        case Publish(target, run):
            return f"publish run {run.number} at {target}"
        case Rest("done"):
            return f"nothing; {action.text}"
    return action.text


def _file(feed: Feed, day: Day, file: FileDay, now: datetime) -> FileReport:
    expected = file.expected
    by = feed.calendar.due_at(expected.expected_by, day.date, feed.timezone) if expected.expected_by else None
    waiting = FileReport(
        file.name,
        "waived" if file.name in day.waived else "missing" if expected.required else "absent",
        expected=expected.pattern.format(day.date),
        by=_local(feed, by) if by else "",
        overdue=by is not None and now > by,
        owner=expected.owner,
    )
    arrival = file.current or file.newest
    if file.current is None and file.earlier:
        used = file.earlier.input
        of = feed.calendar.format_date(used.of) if used.of else ""
        return dataclasses.replace(
            waiting, status="earlier", overdue=False, arrival=used.arrival, of=of, refused=file.refusal
        )
    if arrival is None:
        return waiting
    status = file.status(arrival)
    seen, done = arrival.seen, file.done(arrival)
    return dataclasses.replace(
        waiting,
        overdue=False,
        status="waived" if file.name in day.waived else "arrived" if status == "seen" else status,
        arrival=arrival.number,
        path=seen.key.removeprefix(INCOMING) if isinstance(seen, Seen) else "",
        at=_local(feed, seen.modified if isinstance(seen, Seen) else seen.at),
        rows=done.account.rows if done else 0,
        rejects=done.account.rejects if done else 0,
        controls={control.kind: control.values for control in done.controls} if done else {},
        refused=file.refusal or _accepted(file, arrival),
    )


def _accepted(file: FileDay, arrival: Arrival) -> tuple[str, ...]:
    """Why an arrival that counts was refused before a person accepted it."""
    done = file.done(arrival) if file.status(arrival) == "accepted" else None
    return tuple(problem.text for problem in done.problems) if done else ()


def _runs(feed: Feed, day: Day) -> list[RunReport]:
    reports = []
    for run in day.runs:
        end = run.end
        datasets = {name: made.rows for name, made in end.datasets.items()} if isinstance(end, RunEnd) else {}
        reason = end.reason if isinstance(end, End) else "its end cannot be read" if end else f"claimed by {run.owner}"
        at = _local(feed, end.at if end else run.claim.at)
        seconds = end.seconds if isinstance(end, RunEnd) else 0.0
        absent = tuple(part.table for part in end.absent) if isinstance(end, RunEnd) else ()
        reports.append(RunReport(run.number, run.status, at, seconds, reason, datasets, absent))
    return reports


def _decisions(feed: Feed, day: Day) -> Iterator[DecisionReport]:
    for one in day.decided.decisions:
        if said := one.decision:
            at = _local(feed, said.at)
            yield DecisionReport(one.number, said.decision, one.about, said.why, person(said.who), at)


def _shown(day: Day) -> list[ShownReport]:
    return [
        ShownReport(target, turn.end.run, dataset, one.index, one.aliases, one.documents, one.refused)
        for target in day.publications
        if (turn := day.publication(target)) and isinstance(turn.end, PublicationEnd)
        for dataset, one in turn.end.datasets.items()
    ]


def _notes(day: Day, unknown: tuple[str, ...]) -> list[str]:
    notes = [f"{name} is no file of this feed" for name in unknown[:MOST_UNKNOWN]]
    if len(unknown) > MOST_UNKNOWN:
        notes.append(f"and {len(unknown) - MOST_UNKNOWN:,} more names that are no files of this feed")
    notes += [f"the fact {name} cannot be read ({why})" for name, why in day.unreadable.items()]
    if day.rollback:
        notes.append(f"readers are to see run {day.rollback.run} until a run after {day.rollback.last} succeeds")
    for target, turns in day.publications.items():
        last = turns[-1] if turns else None
        if last and not last.succeeded:
            reason = f": {last.end.reason}" if isinstance(last.end, End) and last.end.reason else ""
            notes.append(f"publication {last.number} at {target} {last.status}{reason}")
    if day.contract_changed:
        notes.append("the contract has changed since; process the day anew with: posicional run … --again")
    return notes


def _file_lines(file: FileReport, width: int) -> list[str]:
    head = f"  {file.name:<{width}}  {file.status:<9}"
    if not file.arrival:
        by = f"by {file.by[:-3]}{', overdue' if file.overdue else ''}" if file.by else ""
        waits = [f"expected as {file.expected}", by, file.owner]
        return [f"{head}  {' · '.join(filter(None, waits))}"]
    lines = [f"{head}  arrival {file.arrival} of {file.of}" if file.of else f"{head}  {file.at}  {file.path}"]
    if file.status in USABLE:
        lines[0] += f": {_count(file.rows, 'row')}, {_count(file.rejects, 'reject')}"
        lines[0] += f" (arrival {file.arrival})" if file.arrival > 1 else ""
    said = "accepted although" if file.status == "accepted" else "refused"
    lines += [f"  {'':<{width}}    {said}: {reason}" for reason in file.refused]
    return lines


def _run_lines(run: RunReport, *, current: bool) -> list[str]:
    head = f"run {run.number}  {run.status} {run.at}" + (f", in {run.seconds:.1f} s" if run.seconds else "")
    lines = [head + (", current" if current else "")]
    lines += [f"  {line}" for line in run.reason.splitlines()]
    if run.absent:
        lines.append(f"  without {', '.join(run.absent)}: empty, because there is no file")
    return lines + [f"  {name}: {_count(rows, 'row')}" for name, rows in run.datasets.items()]


def _decision_line(one: DecisionReport) -> str:
    about = f" {one.about}" if one.about else ""
    why = f": {one.why}" if one.why else ""
    return f"  {one.number}  {one.decision}{about}{why} ({one.who}, {one.at})"


def _shown_line(one: ShownReport) -> str:
    aliases = f" (as {', '.join(one.aliases)})" if one.aliases else ""
    refused = f", {one.refused:,} refused" if one.refused else ""
    return f"  {one.dataset}: {_count(one.documents, 'document')} in {one.index}{aliases}, from run {one.run}{refused}"


def _local(feed: Feed, moment: datetime) -> str:
    return f"{moment.astimezone(feed.timezone):%Y-%m-%d %H:%M:%S}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
