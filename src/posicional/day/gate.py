"""The decision what comes next on a day: pure, so that every trigger that asks gets the same answer.

The gate opens when every required file has a usable arrival or is waived, every optional one is here, waived or past
its `wait_until`, no arrival waits to be read, and nobody holds or skips the day. One complete set leads to one run; a
run to one publication at each target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from posicional.contract.feed import ExpectedFile, Feed
from posicional.day import revision
from posicional.day.facts import Blame, End, InputFact, RunClaim
from posicional.day.keys import RUNS, publications
from posicional.day.series import Busy, C, E, Gone, Turn, standing
from posicional.day.state import Day, Publication, Run, run_of, targets

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 30, 5 * 60, 15 * 60, 30 * 60))
"""How long to leave a series alone after its first, second, … failed attempt."""

LONGEST_OF_RUNS = timedelta(minutes=5)
"""No longer than that a run is left alone: a person may be waiting for it."""

OUTAGE = timedelta(days=1)
"""For so long a target that fails is tried again, however often: it will be back, and an attempt costs next to nothing.

A run costs more, and what fails it is seldom over in an hour: only the feed's `attempts` are made.
"""

HOPELESS: frozenset[Blame] = frozenset({"contract", "data"})
"""What another attempt cannot mend: it needs a change of the contract or of the data, which is another revision.

At a target a person may have mended it out of our sight; so there an attempt that is asked for is made.
"""


@dataclass(frozen=True, slots=True)
class Convert:
    """Read this arrival."""

    file: str
    number: int


@dataclass(frozen=True, slots=True)
class Process:
    """Claim the next run, for exactly this set and contract, and make the datasets."""

    revision: str
    content: str
    contract: str
    inputs: Mapping[str, InputFact]


@dataclass(frozen=True, slots=True)
class Publish:
    """Show the current run at a target."""

    target: str
    run: Run


@dataclass(frozen=True, slots=True)
class Later:
    """An attempt failed; the next one is due at `until`, in the feed's zone.

    `outage`: the feed's attempts have been made, and the target is waited for.
    """

    series: str
    until: datetime
    outage: bool = False

    @property
    def text(self) -> str:
        """The same in words."""
        return f"another attempt at the {turn_name(self.series)}, not before {self.until:%H:%M:%S}"


Why = Literal["done", "missing", "waiting", "busy", "failed", "held", "skipped"]


@dataclass(frozen=True, slots=True)
class Rest:
    """There is nothing to do now. `text` says why; `files` are those waited for.

    `done`: all that the day has led to is there · `missing`: required files are not · `waiting`: only for an optional
    file, or for the next attempt, until `until` · `busy`: turn `number` of `series` is live · `failed`: it failed and
    stays so until something changes, which `blame` names, or for whoever insists: others try again at `until` ·
    `held`: a person shut the gate · `skipped`: a person said that no day is expected.
    """

    why: Why
    text: str
    files: tuple[str, ...] = ()
    series: str = ""
    number: int = 0
    blame: Blame = ""
    until: datetime | None = None


Action = Convert | Process | Publish | Later | Rest


@dataclass(frozen=True, slots=True)
class Asked:
    """What the trigger wants. `insist`: a person asks, and waits for the answer, though not for hours.

    `forgiven`: series -> turns up to this number were before that, and count as no attempts.
    """

    publish: bool = True
    insist: bool = False
    forgiven: Mapping[str, int] = field(default_factory=dict)


def decide(feed: Feed, day: Day, now: datetime, gone: Gone, asked: Asked | None = None) -> Action:
    """The next action of the day; the same facts and moment give the same answer."""
    asked = asked or Asked()
    if day.pending:
        return Convert(*day.pending[0])
    making = None if day.settled else _held(feed, day, now) or _processing(feed, day, now, gone, asked)
    if making is None or (isinstance(making, Rest) and making.why != "busy"):
        # What keeps the next run from being made does not keep readers from the current one.
        showing = _showing(feed, day, now, gone, asked) if asked.publish else None
        if making is None or isinstance(showing, Publish | Later):
            return showing or Rest("done", _done_text(feed, day, asked))
    return making


def _held(feed: Feed, day: Day, now: datetime) -> Rest | None:
    """Why the gate is shut; None when it is open."""
    if shut := day.decided.skipped:
        return Rest("skipped", f"skipped: {shut.text}")
    if shut := day.decided.held:
        return Rest("held", f"held: {shut.text}")
    if day.missing:
        count, of = len(day.missing), sum(1 for file in day.files.values() if file.expected.required)
        return Rest("missing", f"{count} of {of} files missing: {', '.join(day.missing)}", day.missing)
    waits = {name: until for name, file in day.files.items() if (until := _wait(feed, day, file.expected, now))}
    if waits:
        until = max(waits.values())
        return Rest("waiting", f"for {', '.join(waits)} until {until:%H:%M}", tuple(waits), until=until)
    return None


def _wait(feed: Feed, day: Day, expected: ExpectedFile, now: datetime) -> datetime | None:
    """Until when an optional file that is not here is waited for."""
    if expected.required or expected.wait_until is None or expected.name in (*day.inputs, *day.waived):
        return None
    until = feed.calendar.due_at(expected.wait_until, day.date, feed.timezone)
    return until if now < until else None


def _processing(feed: Feed, day: Day, now: datetime, gone: Gone, asked: Asked) -> Action | None:
    """What the runs allow; None when the current run is of this very revision."""
    if day.run and _revision_of(day.run) == day.revision:
        return None
    failures = _failures(day.runs, lambda run: _revision_of(run) == day.revision)
    held = _attempt(feed, RUNS, day.runs, failures, now, gone, asked)
    content = revision.content({name: one.sha256 for name, one in day.inputs.items()}, day.decided.reruns)
    return held or Process(day.revision, content, day.contract, day.inputs)


def run_failed(feed: Feed, day: Day, now: datetime, gone: Gone) -> bool:
    """Whether the day's newest run has failed and is not tried again, also while readers are yet to see another one."""
    if day.pending or day.settled or _held(feed, day, now):
        return False
    making = _processing(feed, day, now, gone, Asked())
    return isinstance(making, Rest) and making.why == "failed"


def _showing(feed: Feed, day: Day, now: datetime, gone: Gone, asked: Asked) -> Action | None:
    """What the publications of the current run allow; None when every target shows it."""
    for target in targets(feed):
        if day.run is not None and not day.published(target):
            return _publishing(feed, day.publications[target], target, day.run, now, gone, asked)
    return None


def outage(feed: Feed, day: Day) -> tuple[str, Publication] | None:
    """The target that is waited for, with the last publication that failed there, also while another one is live."""
    for target in targets(feed):
        turns = [turn for turn in day.publications[target] if turn.end is not None]
        failures = _failures(turns, lambda turn: day.run is not None and run_of(turn) == day.run.number)
        if len(failures) >= feed.attempts and _blame(failures[-1]) not in HOPELESS and _is_outage(feed, failures):
            return target, failures[-1]
    return None


def _publishing(
    feed: Feed, turns: Sequence[Publication], target: str, run: Run, now: datetime, gone: Gone, asked: Asked
) -> Action:
    failures = _failures(turns, lambda turn: run_of(turn) == run.number)
    held = _attempt(feed, publications(target), turns, failures, now, gone, asked)
    return held or Publish(target, run)


def _attempt(
    feed: Feed,
    series: str,
    turns: Sequence[Turn[C, E]],
    failures: Sequence[Turn[C, E]],
    now: datetime,
    gone: Gone,
    asked: Asked,
) -> Rest | Later | None:
    """Why no further attempt may be made now; None when one may."""
    busy = standing(turns, now, gone)
    if isinstance(busy, Busy):
        text = (
            f"{turn_name(series)} {busy.number} is live, claimed by {busy.owner or 'somebody'}; "
            f"its lease ends {busy.until:%Y-%m-%d %H:%M} UTC"
        )
        return Rest("busy", text, series=series, number=busy.number, until=busy.until)
    if not failures:
        return None
    last, blame = failures[-1], _blame(failures[-1])
    counted = [turn for turn in failures if turn.number > asked.forgiven.get(series, 0)]
    hopeless = blame in HOPELESS and (series == RUNS or bool(counted))
    spent = len(counted) >= feed.attempts
    outage = series != RUNS and not hopeless and spent and _is_outage(feed, failures)
    if hopeless or (spent and (asked.insist or not outage)):
        until = _due(feed, last, len(failures)) if outage else None
        reason = last.end.reason if isinstance(last.end, End) else "its end cannot be read"
        retried = f", and is tried again by watch or sweep at {until:%H:%M:%S}" if until else ""
        text = f"{turn_name(series)} {last.number} failed{retried}: {'; '.join(reason.splitlines())}"
        return Rest("failed", text, series=series, number=last.number, blame=blame, until=until)
    due = _due(feed, last, len(counted), LONGEST_OF_RUNS if series == RUNS else BACKOFF[-1]) if counted else None
    return Later(series, due, outage) if due and now < due else None


def _blame(turn: Turn[C, E]) -> Blame:
    """Whose turn it is to mend what failed."""
    return (isinstance(turn.end, End) and turn.end.blame) or "outside"


def _due(feed: Feed, last: Turn[C, E], failures: int, longest: timedelta = BACKOFF[-1]) -> datetime | None:
    """When the next attempt is due after so many; at once after one that was abandoned, which has been waited for."""
    if last.end is None or last.status != "failed":
        return None
    return last.end.at.astimezone(feed.timezone) + min(longest, BACKOFF[min(failures, len(BACKOFF)) - 1])


def _is_outage(feed: Feed, failures: Sequence[Turn[C, E]]) -> bool:
    """Whether a target is waited for: it failed, for less than a day, and did not end the process that was at it."""
    ends = [turn.end.at for turn in failures if turn.end is not None]
    others = [turn for turn in failures if turn.status != "failed" or _blame(turn) != "outside"]
    return len(others) < feed.attempts and ends[-1] - ends[0] < OUTAGE


def turn_name(series: str) -> str:
    """What a turn of a series is called."""
    return "run" if series == RUNS else "publication"


def _revision_of(run: Run) -> str:
    return run.claim.revision if isinstance(run.claim, RunClaim) else ""


def _failures(turns: Sequence[Turn[C, E]], same: Callable[[Turn[C, E]], bool]) -> list[Turn[C, E]]:
    """The failed attempts at the same thing at the end of a series, in order."""
    failures = []
    for turn in reversed(turns):
        if turn.status not in ("failed", "abandoned") or not same(turn):
            break
        failures.append(turn)
    return failures[::-1]


def _done_text(feed: Feed, day: Day, asked: Asked) -> str:
    if day.run is None:
        return "nothing to do"
    text = f"run {day.run.number} is current"
    text += " by a rollback" if day.rollback else ""
    shown = [target for target in targets(feed) if day.published(target)]
    if shown:
        text += f" and published at {', '.join(shown)}"
    elif targets(feed) and not asked.publish:
        text += ", not published"
    if day.contract_changed:
        text += "; the contract has changed since: process the day anew with --again"
    return text
