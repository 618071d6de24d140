"""Whatever is left to do on a day: read the facts, decide, do the next step, write a fact, until nothing is left.

Any trigger calls this: an event, a sweep, a deadline, a person. Lost, doubled and reordered triggers do no harm, and
many at once end in one live run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from posicional.contract.feed import Feed
from posicional.day.facts import RunClaim, RunEnd
from posicional.day.gate import Action, Asked, Convert, Later, Process, Publish, Rest, decide
from posicional.day.journal import Facts, Ledger, Signature
from posicional.day.keys import INCOMING, RUNS, TurnKey, publications
from posicional.day.series import LEASE
from posicional.day.state import Day, fold
from posicional.errors import DataRefused, NotDone, OutsideError, PosicionalError, StoreError, UsageError
from posicional.ports import Event, Outside
from posicional.steps.arrivals import Looked, look
from posicional.steps.convert import convert_arrival
from posicional.steps.days import check_date, place
from posicional.steps.decide import rerun
from posicional.steps.incoming import Incoming
from posicional.steps.latest import with_latest
from posicional.steps.transform import transform


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a day has come, and why it is not further.

    `where`: feed and date, as a person writes them. `incoming`: where files are expected. `did`: whether this call
    changed anything. `growing`: names still being written. `unfinished`: what is there and does not count yet, and why.
    `unknown`: names of no file. `undated`: objects whose date cannot be told, and why. `error`: what stopped the last
    publication, when that was it.
    """

    day: Day
    rest: Rest
    where: str
    incoming: str
    did: bool = False
    growing: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()
    error: PosicionalError | None = None

    @property
    def problem(self) -> PosicionalError | None:
        """The error whose exit code a command ends with; None when nothing is left. Refused data goes first."""
        where = self.where
        if self.rest.why == "skipped":
            return None
        if self.day.refused:
            files = [self.day.files[name] for name in self.day.refused]
            refusals = "; ".join(f"{file.name}: {', '.join(file.refusal)}" for file in files)
            return DataRefused(f"refused: {refusals}", where=where, hint=_REFUSED)
        if self.rest.why == "done":
            return None
        if self.rest.why != "failed":
            return NotDone(self.rest.text, where=where, hint=_hint(self))
        if self.error is not None:
            return self.error
        kind = _ERRORS.get(self.rest.blame, OutsideError)
        return kind(self.rest.text, where=where, hint="mend that, then run the command again")


_REFUSED = "send a good file, mend the layout, or let it count: posicional accept"

_ERRORS: Mapping[str, type[PosicionalError]] = {
    "contract": UsageError,
    "data": DataRefused,
    "outside": OutsideError,
    "bug": PosicionalError,
}


def advance(
    feed: Feed,
    day: date,
    outside: Outside,
    *,
    again: bool = False,
    publish: bool = True,
    insist: bool = True,
    lease: timedelta = LEASE,
    lying: Incoming | None = None,
) -> Outcome:
    """Do all that can be done now for a business date, and say what is left.

    `again` processes the day anew even if nothing has changed. `publish` shows the result where the feed says so.
    `insist`: a person asks, so attempts that failed before this call are not counted, and the call waits for those that
    are due later; otherwise it says when the next one is due. `lease` is how long others leave a run alone that says
    nothing. `lying`: what a caller of many days has listed once; what comes after that is left to the next call. Raises
    `UsageError` for a date that the feed does not have, `StoreError`.
    """
    check_date(feed, day)
    ledger = Ledger(outside, feed.name, day)
    if again:
        rerun(feed, day, outside, why="asked for with --again")
    return _until_rest(feed, ledger, lying, publish=publish, insist=insist, lease=lease)


def peek(feed: Feed, day: date, outside: Outside) -> tuple[Day, Action]:
    """What the ledger says of a business date, and what would come next. Reads only that day's facts, writes none."""
    state = fold(feed, with_latest(feed, outside, Ledger(outside, feed.name, day).read()))
    return state, decide(feed, state, outside.clock.now(), outside.gone)


def _until_rest(
    feed: Feed, ledger: Ledger, lying: Incoming | None, *, publish: bool, insist: bool, lease: timedelta
) -> Outcome:
    """Look, decide and do, until there is nothing to do now."""
    clock, gone = ledger.outside.clock, ledger.outside.gone
    looked: Looked | None = None
    forgiven: Mapping[str, int] | None = None
    error: PosicionalError | None = None
    did = False
    while True:
        looked = look(feed, ledger, looked.facts if looked else None, lying)
        day = fold(feed, looked.facts)
        if forgiven is None:
            forgiven = _last_turns(day) if insist else {}
        action = decide(feed, day, clock.now(), gone, Asked(publish, forgiven))
        if isinstance(action, Later) and not insist:
            action = Rest("waiting", action.text, series=action.series, until=action.until)
        did = did or looked.new > 0 or not isinstance(action, Rest)
        match action:
            case Convert():
                # All that wait, before the next look: an arrival costs no listing of its own.
                for file, number in day.pending:
                    convert_arrival(feed, ledger, looked.facts, file, number)
            case Process():
                _process(feed, ledger, looked.facts, day, action, lease)
            case Publish():
                error = _publish(feed, ledger, looked.facts, action)
            case Later():
                clock.sleep(max(0.0, (action.until - clock.now()).total_seconds()))
            case Rest():
                where = place(feed, ledger.date)
                incoming = f"{ledger.outside.store.url.rstrip('/')}/{INCOMING}"
                outcome = Outcome(
                    day,
                    action,
                    where,
                    incoming,
                    did,
                    looked.growing,
                    looked.unfinished,
                    looked.unknown,
                    looked.undated,
                    error,
                )
                _tell_rest(ledger, outcome)
                return outcome


def _process(feed: Feed, ledger: Ledger, known: Facts, day: Day, action: Process, lease: timedelta) -> None:
    engine = ledger.outside.engine()  # one that cannot be had is no attempt
    claim = RunClaim(
        **ledger.sign(),
        lease_until=ledger.outside.clock.now() + lease,
        revision=action.revision,
        content=action.content,
        contract=action.contract,
        inputs=action.inputs,
    )
    number = ledger.claim(RUNS, day.runs, claim, _abandoned)
    if number is not None:
        transform(feed, ledger, day, number, engine, known)


def _abandoned(_turn: int, signature: Signature, reason: str) -> RunEnd:
    return RunEnd(**signature, status="abandoned", reason=reason, blame="outside")


def _publish(feed: Feed, ledger: Ledger, known: Facts, action: Publish) -> PosicionalError | None:
    """Publish the current run; the error of a publication that failed and says so in the ledger."""
    from posicional.steps.publish import publish

    failed: PosicionalError | None = None
    try:
        publish(feed, ledger.date, action.run.number, ledger.outside)
    except StoreError:
        raise
    except PosicionalError as error:
        failed = error
    series = publications(action.target)
    new = ledger.read(known).entries.keys() - known.entries.keys()
    if any(isinstance(key, TurnKey) and key.series == series for key in new):
        return failed
    # Nothing would stop the next look from deciding the same, for ever.
    raise failed or PosicionalError("the publication left no fact", where=f"{ledger.prefix}{series}")


def _last_turns(day: Day) -> dict[str, int]:
    """Series -> the number of its last turn."""
    last = {publications(target): turns[-1].number for target, turns in day.publications.items() if turns}
    return last | ({RUNS: day.runs[-1].number} if day.runs else {})


def _hint(outcome: Outcome) -> str:
    if outcome.rest.why != "missing":
        return ""
    files = outcome.day.files
    names = [files[name].expected.pattern.format(outcome.day.date) for name in outcome.rest.files]
    text = f"expected in {outcome.incoming}: {', '.join(names)}"
    text += f"; not whole yet: {'; '.join(outcome.unfinished)}" if outcome.unfinished else ""
    text += f"; of no date: {'; '.join(outcome.undated)}" if outcome.undated else ""
    return f"{text}; still being written: {', '.join(outcome.growing)}" if outcome.growing else text


def _tell_rest(ledger: Ledger, outcome: Outcome) -> None:
    rest = outcome.rest
    if rest.why == "done" and not outcome.did:
        ledger.outside.tell(Event("done", f"nothing to do: {rest.text}"))
    else:
        ledger.outside.tell(Event(rest.why, rest.text))
