"""Whatever is left to do on a day: read the facts, decide, do the next step, write a fact, until nothing is left.

Any trigger calls this: an event, a sweep, a deadline, a person. Lost, doubled and reordered triggers do no harm, and
many at once end in one live run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from posicional.contract.feed import Feed
from posicional.day.facts import RunClaim, RunEnd, Seen, blame_of
from posicional.day.gate import Action, Asked, Convert, Later, Process, Publish, Rest, decide
from posicional.day.journal import Facts, Ledger, Signature
from posicional.day.keys import INCOMING, RUNS, SeenKey, TurnKey, publications
from posicional.day.state import Day, Run, fold, targets
from posicional.errors import DataRefused, NotDone, OutOfTime, OutsideError, PosicionalError, StoreError, UsageError
from posicional.ports import Elsewhere, Event, Outside
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


_REFUSED = "send a good file, mend the layout (posicional layout try shows why), or let it count: posicional accept"

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
    lease: timedelta | None = None,
    lying: Incoming | None = None,
) -> Outcome:
    """Do all that can be done now for a business date, and say what is left.

    `again` processes the day anew even if nothing has changed. `publish` shows the result where the feed says so.
    `insist`: a person asks, so attempts that failed before this call are not counted, and the call waits for those that
    are due later; otherwise it says when the next one is due. `lease` is how long others leave a run alone that says
    nothing. `lying`: what a caller of many days has listed once; what comes after that is left to the next call.
    What `outside.elsewhere` is for is begun there, and the day rests. Raises `UsageError` for a date that the feed does
    not have, `StoreError`, `OutsideError` where nothing could be begun elsewhere, and `OutOfTime` when a conversion was
    given up here and begun there.
    """
    check_date(feed, day)
    ledger = Ledger(outside, feed.name, day)
    if again:
        rerun(feed, day, outside, why="asked for with --again")
    outcome = _until_rest(feed, ledger, lying, publish=publish, insist=insist, lease=lease or outside.lease)
    healed = insist and publish and outcome.rest.why == "done" and _heal(feed, outcome.day, outside)
    return replace(outcome, did=outcome.did or healed)


def peek(feed: Feed, day: date, outside: Outside) -> tuple[Day, Action]:
    """What the ledger says of a business date, and what would come next. Reads only that day's facts, writes none."""
    state = fold(feed, with_latest(feed, outside, Ledger(outside, feed.name, day).read()))
    return state, decide(feed, state, outside.clock.now(), outside.gone)


def _until_rest(
    feed: Feed, ledger: Ledger, lying: Incoming | None, *, publish: bool, insist: bool, lease: timedelta
) -> Outcome:
    """Look, decide and do, until there is nothing to do now."""
    clock, gone, elsewhere = ledger.outside.clock, ledger.outside.gone, ledger.outside.elsewhere
    looked: Looked | None = None
    forgiven: Mapping[str, int] | None = None
    error: PosicionalError | None = None
    did = False
    while True:
        looked = look(feed, ledger, looked.facts if looked else None, lying, all_names=insist)
        day = fold(feed, looked.facts)
        if forgiven is None:
            forgiven = _last_turns(day) if insist else {}
        action = decide(feed, day, clock.now(), gone, Asked(publish, insist, forgiven))
        if isinstance(action, Later) and not insist:
            action = Rest("waiting", action.text, series=action.series, until=action.until)
        run = _waits_for(day, ledger.outside.ours)
        did = did or looked.new > 0 or bool(run) or not isinstance(action, Rest)
        if run:
            _carry_out(feed, ledger, looked.facts, day, run)
            continue
        if elsewhere is not None:
            action = _handed_over(feed, ledger, looked.facts, day, action, elsewhere)
        match action:
            case Convert():
                _convert(feed, ledger, looked.facts, day)
            case Process() if elsewhere is not None:
                _claim_for(ledger, day, action, elsewhere)
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


def _convert(feed: Feed, ledger: Ledger, known: Facts, day: Day) -> None:
    """Read all arrivals that wait and are read here, before the next look: an arrival costs no listing of its own."""
    elsewhere = ledger.outside.elsewhere
    for file, number in day.pending:
        if elsewhere is not None and _is_large(known, file, number, elsewhere):
            continue
        try:
            convert_arrival(feed, ledger, known, file, number)
        except OutOfTime:
            if elsewhere is None:
                raise
            ledger.outside.tell(Event("handed over", f"{file}: there is no time to read it here"))
            elsewhere.begin(feed.name, ledger.date)
            raise


def _is_large(known: Facts, file: str, number: int, elsewhere: Elsewhere) -> bool:
    seen = known.entries.get(SeenKey(file, number))
    return isinstance(seen, Seen) and seen.size > elsewhere.limit


def _process(feed: Feed, ledger: Ledger, known: Facts, day: Day, action: Process, lease: timedelta) -> None:
    engine = ledger.outside.engine()  # one that cannot be had is no attempt
    number = _claim(ledger, day, action, lease, ledger.outside.who)
    if number is not None:
        transform(feed, ledger, day, number, engine, known)


def _claim(ledger: Ledger, day: Day, action: Process, lease: timedelta, owner: str) -> int | None:
    signature = ledger.sign()
    signature["who"] = owner
    claim = RunClaim(
        **signature,
        lease_until=ledger.outside.clock.now() + lease,
        revision=action.revision,
        content=action.content,
        contract=action.contract,
        inputs=action.inputs,
    )
    return ledger.claim(RUNS, day.runs, claim, _abandoned)


def _claim_for(ledger: Ledger, day: Day, action: Process, elsewhere: Elsewhere) -> None:
    """Claim the run for a process that is begun then; when it surely has not begun, the attempt has failed."""
    owner = elsewhere.owner()
    number = _claim(ledger, day, action, elsewhere.lease, owner)
    if number is None:
        return
    try:
        elsewhere.begin(ledger.feed, ledger.date, owner)
    except OutsideError as error:
        end = RunEnd(**ledger.sign(), status="failed", reason=str(error), blame=blame_of(error))
        ledger.write(TurnKey(RUNS, number, "end"), end)
        ledger.outside.tell(Event("failed", f"run {number}: {error}"))
    else:
        ledger.outside.tell(Event("handed over", f"run {number}: {owner}"))


def _waits_for(day: Day, ours: str) -> Run | None:
    """The run that was claimed for this process and that nobody has begun, when all that came has been read."""
    last = day.runs[-1] if day.runs and ours and not day.pending else None
    waits = last is not None and last.owner == ours and last.started is None and last.end is None
    return last if waits else None


def _carry_out(feed: Feed, ledger: Ledger, known: Facts, day: Day, run: Run) -> None:
    """Make the run, unless another set of files has come since it was claimed."""
    if isinstance(run.claim, RunClaim) and run.claim.revision == day.revision:
        transform(feed, ledger, day, run.number, ledger.outside.engine(), known)
        return
    text = "other files or another contract came before it began"
    ledger.write(TurnKey(RUNS, run.number, "end"), RunEnd(**ledger.sign(), status="superseded", reason=text))


def _handed_over(feed: Feed, ledger: Ledger, known: Facts, day: Day, action: Action, elsewhere: Elsewhere) -> Action:
    """What is done elsewhere is begun there, unless somebody is at it: then there is nothing to do here.

    A process that dies before it can claim anything leaves no turn that would count as an attempt, so its service is
    asked how many did.
    """
    match action:
        case Convert():
            if not all(_is_large(known, file, number, elsewhere) for file, number in day.pending):
                return action
            what = f"{', '.join(file for file, _ in day.pending)}: too large to be read here"
        case Publish():
            what = f"run {action.run.number} is to be published"
        case _:
            return action
    if not elsewhere.working(ledger.feed, ledger.date):
        failures = elsewhere.failures(ledger.feed, ledger.date)
        if failures >= feed.attempts:
            return Rest("failed", f"{what}; {failures} processes have failed at it", blame="outside")
        elsewhere.begin(ledger.feed, ledger.date)
        ledger.outside.tell(Event("handed over", what))
    return Rest("busy", f"{what}; another process is at it")


def _abandoned(_turn: int, signature: Signature, reason: str) -> RunEnd:
    return RunEnd(**signature, status="abandoned", reason=reason, blame="outside")


def _heal(feed: Feed, day: Day, outside: Outside) -> bool:
    """Publish the day again where the cluster has lost it; whether that was so."""
    if not targets(feed):
        return False
    from posicional.steps.publish import heal

    return heal(feed, day, outside)


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
