"""A run's datasets become what readers see: whole, or not at all.

Each publication fills indices of its own, counts them and looks at some of their documents; only then do the aliases
move, all datasets of the run in one call, from the indices they were seen to show. So readers never meet half a day,
and a process that slept too long cannot move an alias back. The aliases follow the ledger: before they move it is read
again, and whoever finds an end under its own number, written by somebody else, stops.

The order is: claim, fill, verify, move, end, clean up. A crash before the end leaves a claim that is taken over; the
next publication then finds the aliases wherever they are and moves them again.

With `mode: upsert` there is one index for all days and nothing to move: see `upserting`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import date

from posicional.contract.feed import Feed
from posicional.day.facts import (
    Blame,
    EndStatus,
    PublicationClaim,
    PublicationEnd,
    PublishedFact,
    RunEnd,
    blame_of,
)
from posicional.day.journal import Ledger, Signature
from posicional.day.keys import TurnKey, publications
from posicional.day.state import Day, fold, run_of
from posicional.documents.bodies import Form
from posicional.errors import PosicionalError, TargetError, UsageError
from posicional.ports import IndexState, Outside
from posicional.steps.days import place
from posicional.steps.filling import create, fill, verify
from posicional.steps.housekeeping import tidy
from posicional.steps.publication import Attempt, Shown
from posicional.steps.showing import has_ended, is_lost, look, move, refuse_others
from posicional.steps.upserting import change, prepare, verify_changes


def publish(feed: Feed, day: date, run: int, outside: Outside) -> None:
    """Show run `run` of a business date where the feed says, as the target's next publication.

    Does nothing when somebody else is at it. A publication that fails says so in the ledger, with whose turn it is, and
    raises: `UsageError` when the contract or an alias of somebody else's is in the way, `DataRefused` for documents
    that the target does not take, `TargetError`, `StoreError`.
    """
    if feed.opensearch is None or outside.target is None:
        raise UsageError("there is nowhere to publish", where=str(feed.path), hint="name it under publish:")
    target = outside.target(feed.opensearch)
    ledger = Ledger(outside, feed.name, day)
    state = fold(feed, ledger.read())
    turns = state.publications.get(target.name, ())
    number = turns[-1].number + 1 if turns else 1
    shown = _plan(feed, state, run, number)
    claim = PublicationClaim(
        **ledger.sign(),
        lease_until=outside.clock.now() + outside.lease,
        run=run,
        indices={each.dataset.name: each.index for each in shown},
    )

    def abandon(turn: int, signature: Signature, reason: str) -> PublicationEnd:
        left = next(each for each in turns if each.number == turn)
        return PublicationEnd(**signature, status="abandoned", reason=reason, blame="outside", run=run_of(left))

    if ledger.claim(publications(target.name), turns, claim, abandon) is None:
        return
    attempt = Attempt(feed, ledger, target, run, number)
    attempt.tell("publication", f"publication {number} of run {run} at {target.where}")
    before = _carry_out(attempt, shown)
    if before is not None and not attempt.upsert:
        tidy(attempt, shown, turns, before)


def heal(feed: Feed, day: Day, outside: Outside) -> bool:
    """Publish the current run of a date again when the target does not show it, for somebody removed an index or moved
    an alias; whether that was so. Raises as `publish` does; what does not answer now is left to the next look.
    """
    if feed.opensearch is None or outside.target is None or outside.elsewhere is not None or day.run is None:
        return False
    target = outside.target(feed.opensearch)
    last = day.publication(target.name)
    if last is None or run_of(last) != day.run.number:
        return False
    attempt = Attempt(feed, Ledger(outside, feed.name, day.date), target, day.run.number, last.number)
    try:
        lost = is_lost(attempt, _plan(feed, day, day.run.number, last.number))
    except (TargetError, UsageError) as error:
        attempt.tell("unknown", f"what readers see: {error}")
        return False
    if lost:
        attempt.tell("lost", f"{place(feed, day.date)}: the cluster does not show it; it is published again")
        publish(feed, day.date, day.run.number, outside)
    return lost


def _plan(feed: Feed, day: Day, run: int, number: int) -> tuple[Shown, ...]:
    """What is to be shown. Raises `UsageError` for a dataset that the run did not make."""
    end = next((turn.end for turn in day.runs if turn.number == run and turn.succeeded), None)
    made = end.datasets if isinstance(end, RunEnd) else {}
    shown = []
    for name, to in (feed.opensearch.datasets if feed.opensearch else {}).items():
        if name not in made:
            raise UsageError(
                f"run {run} has not made the dataset {name!r}",
                where=place(feed, day.date),
                hint="the contract has changed since: process the day anew with --again",
            )
        own = f"{to.index}-{day.date.isoformat()}"
        if feed.opensearch and feed.opensearch.upsert:
            shown.append(Shown(feed.datasets[name], to, f"{to.index}-upsert", (to.index,), made[name]))
        else:
            index = f"{own}-{run:04d}-{number:04d}"
            shown.append(Shown(feed.datasets[name], to, index, (to.index, own), made[name]))
    return tuple(shown)


def _carry_out(attempt: Attempt, shown: Sequence[Shown]) -> Mapping[str, IndexState] | None:
    """Fill, verify, move, end; what the aliases showed before. None when somebody else has ended it meanwhile.

    Raises what made it fail, unless that was somebody else.
    """
    began = time.monotonic()
    published: dict[str, PublishedFact] = {}
    try:
        before = look(attempt, shown)
        refuse_others(attempt, shown, before)
        for each in shown:
            _publish_one(attempt, each, published)
        if attempt.upsert:
            if has_ended(attempt):
                return None
        elif (after := move(attempt, shown)) is None:
            return None
        else:
            published = {name: _seen(fact, after) for name, fact in published.items()}
    except PosicionalError as error:
        if not _end(attempt, began, "failed", published, str(error), blame_of(error)):
            return None
        raise
    except BaseException as error:
        _end(attempt, began, "failed", published, f"stopped by {type(error).__name__}", blame_of(error))
        raise
    return before if _end(attempt, began, "succeeded", published) else None


def _seen(fact: PublishedFact, after: Mapping[str, IndexState]) -> PublishedFact:
    """With the aliases that show it: an older date does not have that of the newest."""
    shown = after[fact.index].aliases
    return fact.model_copy(update={"aliases": tuple(alias for alias in fact.aliases if alias in shown)})


def _publish_one(attempt: Attempt, each: Shown, published: dict[str, PublishedFact]) -> None:
    """Send a dataset and verify what has become of it; `published` tells it also when that fails."""
    began = time.monotonic()
    if attempt.upsert:
        prepare(attempt, each)
        changed = change(attempt, each)
        published[each.dataset.name] = changed.fact
        verify_changes(attempt, each, changed)
    else:
        restore = create(attempt, each)
        filled = fill(attempt, each, Form(attempt.feed.timezone, each.to.nulls))
        published[each.dataset.name] = filled.fact
        verify(attempt, each, filled, restore)
    fact = published[each.dataset.name]
    more = f", {fact.refused:,} refused" if fact.refused else ""
    more += f", {fact.stale:,} too late" if fact.stale else ""
    text = f"{each.index}: {fact.documents:,} documents{more}, in {time.monotonic() - began:.1f} s"
    attempt.tell("index", text)


def _end(
    attempt: Attempt,
    began: float,
    status: EndStatus,
    published: Mapping[str, PublishedFact],
    reason: str = "",
    blame: Blame = "",
) -> bool:
    """Write the end. False when somebody else's stands: what was made here does not count."""
    fact = PublicationEnd(
        **attempt.ledger.sign(),
        status=status,
        reason=reason,
        blame=blame,
        run=attempt.run,
        datasets=published,
        seconds=round(time.monotonic() - began, 3),
    )
    number = attempt.number
    won = attempt.ledger.write(TurnKey(publications(attempt.target.name), number, "end"), fact)
    if not won:
        attempt.tell("abandoned", f"publication {number}: somebody else has ended it")
    elif status == "succeeded":
        attempt.tell("published", f"publication {number} of run {attempt.run}, in {fact.seconds:.1f} s")
    else:
        attempt.tell(status, f"publication {number}: {reason}")
    return won
