"""Decisions: what a person says about a day, held against its facts and then written as one more of them.

What makes no sense (nothing was refused, no such run) is refused before anything is written. A decision that holds
already is not written again.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from posicional.contract.feed import Feed
from posicional.day.facts import Decision, DecisionKind, RunEnd
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import DecisionKey
from posicional.day.state import Arrival, Day, FileDay, Run, fold
from posicional.errors import ObjectMissing, UsageError
from posicional.ports import Outside, Store
from posicional.steps.days import check_date, place
from posicional.steps.latest import with_latest


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a decision: the number of its fact, or 0 when it held already; and the same in words."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class _About:
    """What a decision is about, for the fact and in words. `already`: it holds, and nothing need be written."""

    text: str
    about: Mapping[str, str | int]
    already: bool = False


def accept(feed: Feed, day: date, outside: Outside, *, file: str, why: str) -> Answer:
    """Let the newest arrival of `file`, which was refused, count as converted: its parts are there already.

    That of a file with `use: latest` may be of any date, as it counts for later ones. Raises `UsageError` when there is
    nothing to accept or no reason, `StoreError`.
    """

    def about(state: Day) -> _About:
        found = _file(feed, state, file)
        arrival = found.refused
        if arrival is None:
            return _nothing_to_accept(feed, state, found)
        _check_parts(feed, state, found, arrival, outside.store)
        reading = found.readings[arrival.number]
        text = f"arrival {arrival.number} of {file} counts, although it was refused: {'; '.join(found.refusal)}"
        return _About(text, {"file": file, "arrival": arrival.number, "reading": reading})

    latest = file in feed.files and feed.files[file].use_latest
    return _decide(feed, day, outside, "accept", why, about, any_date=latest)


def waive(feed: Feed, day: date, outside: Outside, *, file: str, why: str) -> Answer:
    """Let the day go without `file`; its tables are empty. Should it come nevertheless, it counts.

    Raises `UsageError` when the file is here or there is no reason, `StoreError`.
    """

    def about(state: Day) -> _About:
        found = _file(feed, state, file)
        arrival = found.pending or found.current
        if arrival is not None:
            what = "is here" if found.current else "has arrived and is not read yet"
            hint = "" if found.current else "posicional run reads it"
            text = f"{file} {what}: arrival {arrival.number}"
            raise UsageError(text, where=place(feed, state.date), expected="a file that is not here", hint=hint)
        if found.input is not None:
            text = f"{file} is there: that of {feed.calendar.format_date(found.input.of or day)} counts"
            raise UsageError(text, where=place(feed, day), expected="a file that is not here")
        return _About(f"the day goes without {file}", {"file": file}, file in state.waived)

    return _decide(feed, day, outside, "waive", why, about)


def rollback(feed: Feed, day: date, outside: Outside, *, run: int, why: str) -> Answer:
    """Make `run` the current one, until a run that is claimed later succeeds; publications follow.

    Raises `UsageError` for a run that did not succeed or when there is no reason, `StoreError`.
    """

    def about(state: Day) -> _About:
        _check_run(feed, state, run)
        last = state.runs[-1].number
        standing = state.rollback
        held = standing is not None and (standing.run, standing.last, standing.content) == (run, last, state.arrived)
        current = standing is None and state.settled and state.runs[-1] == state.run and run == last
        text = f"run {run} is current until a run after run {last} succeeds"
        return _About(text, {"run": run, "last": last, "content": state.arrived}, held or current)

    return _decide(feed, day, outside, "rollback", why, about)


def skip(feed: Feed, day: date, outside: Outside, *, why: str) -> Answer:
    """Say that no day is expected: no alarm, and the gate stays shut.

    Raises `UsageError` when a run has succeeded or there is no reason, `StoreError`.
    """

    def about(state: Day) -> _About:
        if state.run is not None:
            text = f"the day is there: run {state.run.number} succeeded"
            raise UsageError(text, where=place(feed, day), hint="posicional hold keeps it as it is")
        return _About("the day is not expected", {}, state.decided.skipped is not None)

    return _decide(feed, day, outside, "skip_day", why, about)


def hold(feed: Feed, day: date, outside: Outside, *, why: str) -> Answer:
    """Shut the gate until somebody releases it. What runs already goes to its end.

    Raises `UsageError` when there is no reason, `StoreError`.
    """

    def about(state: Day) -> _About:
        held = state.decided.held
        return _About("no run begins until the day is released", {}, held is not None and held.decision is not None)

    return _decide(feed, day, outside, "hold", why, about)


def release(feed: Feed, day: date, outside: Outside, *, why: str) -> Answer:
    """Take back what shuts the gate: a hold, a skip, a decision that cannot be read.

    Raises `UsageError` when nothing does or there is no reason, `StoreError`.
    """

    def about(state: Day) -> _About:
        if not (state.decided.held or state.decided.skipped):
            raise UsageError("nobody holds or skips the day", where=place(feed, day))
        return _About("the gate is no longer shut", {})

    return _decide(feed, day, outside, "release", why, about)


def rerun(feed: Feed, day: date, outside: Outside, *, why: str) -> Answer:
    """Have the day processed anew, though nothing has changed. Raises `UsageError`, `StoreError`."""
    return _decide(feed, day, outside, "rerun", why, lambda _: _About("the day is processed anew", {}))


def note(feed: Feed, day: date, outside: Outside, *, why: str, about: Mapping[str, str | int]) -> Answer:
    """Write down something that changes nothing, and must not be forgotten. Raises `UsageError`, `StoreError`."""
    return _decide(feed, day, outside, "note", why, lambda _: _About("noted", about), any_date=True)


def reason_of(why: str, where: str) -> str:
    """The reason in one line. Raises `UsageError` when there is none."""
    reason = " ".join(why.split())
    if not reason.strip(".…"):  # an alarm's command, pasted as it is, has dots in the place of the reason
        raise UsageError("a decision needs a reason", where=where, hint='say it with --why "…"')
    return reason


def _decide(
    feed: Feed,
    day: date,
    outside: Outside,
    kind: DecisionKind,
    why: str,
    about: Callable[[Day], _About],
    *,
    any_date: bool = False,
) -> Answer:
    """Write the decision as the day's next one. Whoever was faster may have changed what it is about: look again."""
    if not any_date:
        check_date(feed, day)
    reason = reason_of(why, place(feed, day))
    ledger = Ledger(outside, feed.name, day)
    facts: Facts | None = None
    while True:
        facts = ledger.read(facts)
        found = about(fold(feed, with_latest(feed, outside, facts)))
        if found.already:
            return Answer(0, f"already so: {found.text}")
        number = 1 + max((key.number for key in facts.entries if isinstance(key, DecisionKey)), default=0)
        decision = Decision(**ledger.sign(), decision=kind, why=reason, about=found.about)
        if ledger.write(DecisionKey(number), decision):
            return Answer(number, f"decision {number}: {found.text}")


def _file(feed: Feed, state: Day, name: str) -> FileDay:
    if name in state.files:
        return state.files[name]
    near = difflib.get_close_matches(name, state.files, 1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(state.files)}"
    raise UsageError(f"{feed.name} has no file {name!r}", where=str(feed.path), hint=hint)


def _nothing_to_accept(feed: Feed, state: Day, file: FileDay) -> _About:
    """Where nothing is refused: that it was accepted before, or the error that says how the file stands."""
    newest = file.newest
    if newest is not None and file.status(newest) == "accepted":
        return _About(f"arrival {newest.number} of {file.name} is accepted", {}, already=True)
    if newest is None:
        text, hint = f"{file.name} has not arrived", f"to go without it: posicional waive … {file.name}"
        if file.expected.use_latest:
            hint = f"one that came for an earlier date is accepted with that --date; {hint}"
    elif file.status(newest) == "seen":
        text, hint = f"arrival {newest.number} of {file.name} is not read yet", "posicional run reads it"
    else:
        text, hint = f"arrival {newest.number} of {file.name} was not refused", ""
    raise UsageError(f"there is nothing to accept: {text}", where=place(feed, state.date), hint=hint)


def _check_parts(feed: Feed, state: Day, file: FileDay, arrival: Arrival, store: Store) -> None:
    """Raise `UsageError` unless the refused arrival was read to its end and its parts are there."""
    done = file.done(arrival)
    what, where = f"arrival {arrival.number} of {file.name}", place(feed, state.date)
    hint = "the file must be sent again"
    if done is None:
        raise UsageError(f"what was said of {what} cannot be read", where=where, hint=hint)
    if not set(file.expected.layout.tables(file.name)) <= {part.table for part in done.parts}:
        text = f"{what} was refused before it was read, so there are no rows to accept: {'; '.join(file.refusal)}"
        raise UsageError(text, where=where, hint=hint)
    for part in done.parts:
        try:
            store.head(part.key)
        except ObjectMissing as error:
            raise UsageError(f"the rows of {what} are no longer there", where=error.where, hint=hint) from None


def _check_run(feed: Feed, state: Day, number: int) -> None:
    """Raise `UsageError` unless run `number` succeeded and made all that is published."""
    where = place(feed, state.date)
    good = ", ".join(str(run.number) for run in state.runs if run.succeeded)
    expected = f"a run that succeeded: {good}" if good else ""
    run: Run | None = next((run for run in state.runs if run.number == number), None)
    if run is None:
        raise UsageError(f"there is no run {number}", where=where, expected=expected or "a run; the day has none")
    if not run.succeeded or not isinstance(run.end, RunEnd):
        raise UsageError(f"run {number} is {run.status}, so nobody can be shown it", where=where, expected=expected)
    lacking = [name for name in (feed.opensearch.datasets if feed.opensearch else ()) if name not in run.end.datasets]
    if lacking:
        raise UsageError(f"run {number} has not made {', '.join(lacking)}, which is published now", where=where)
