"""Indices that are no longer wanted: what attempts left, and what `keep` says need not stay.

Only indices with our feed in their `_meta` are touched, and none that an alias shows. Readers who are in the midst of
a search are left in peace: an index that was shown when this publication began stays until the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

from posicional.contract.feed import Feed, Keep
from posicional.day.facts import End, PublicationClaim
from posicional.day.journal import Ledger
from posicional.day.state import Day, Publication
from posicional.errors import TargetError
from posicional.ports import Event, IndexState, Move, Target
from posicional.steps.publication import Attempt, Shown
from posicional.steps.showing import date_of

AGE = timedelta(hours=24)
"""How old an index of another day's publication is before it is removed: so that whoever fills it has long ended."""


def tidy(
    attempt: Attempt, shown: Sequence[Shown], turns: Sequence[Publication], before: Mapping[str, IndexState]
) -> None:
    """After a publication: remove what earlier attempts at the day left, and what `keep` lets go.

    `before`: what the aliases showed when it began. What cannot be removed now is left for the next publication.
    """
    keep = attempt.feed.opensearch.keep if attempt.feed.opensearch else Keep()
    try:
        remove_left(attempt.feed, attempt.ledger, attempt.target, turns, before)
        for each in shown if keep.runs or keep.days else ():
            ours = _ours(attempt, each)
            if keep.days:
                _let_go(attempt, each, _too_old(attempt, ours, keep.days))
                _remove(attempt, _unseen(attempt, _too_old(attempt, ours, keep.days), before), "an old day's")
            if keep.runs:
                _remove(attempt, _superseded(attempt, ours, keep.runs, before), "an earlier publication's")
    except TargetError as error:  # this publication has succeeded, whatever becomes of the others
        attempt.tell("left", str(error))


def remove_left(
    feed: Feed, ledger: Ledger, target: Target, turns: Sequence[Publication], seen: Collection[str] = ()
) -> None:
    """Remove what attempts at a day left: indices that are ours by their `_meta`, and seen by nobody.

    `seen`: those that somebody saw a moment ago. A sleeper may have moved the aliases after it had been taken over, as
    long as nobody else had. Raises `TargetError`.
    """
    for turn in turns:
        if turn.end is None or turn.succeeded or not isinstance(turn.claim, PublicationClaim) or not turn.claim.indices:
            continue
        ours = {"feed": feed.name, "date": ledger.date.isoformat(), "publication": turn.number}
        for name, state in target.indices(*turn.claim.indices.values()).items():
            if not state.aliases and name not in seen and ours.items() <= state.meta.items():
                target.delete_index(name)
                ledger.outside.tell(Event("removed", f"{name}, which publication {turn.number} left"))


def clean_up_indices(feed: Feed, ledger: Ledger, day: Day) -> None:
    """Remove what attempts at a day left a day ago. Asks the endpoint only about days of which some failed."""
    outside = ledger.outside
    if feed.opensearch is None or outside.target is None or feed.opensearch.upsert:
        return
    before = outside.clock.now() - AGE
    for turns in day.publications.values():
        old = [turn for turn in turns if isinstance(turn.end, End) and turn.end.at <= before and not turn.succeeded]
        try:
            if old:
                remove_left(feed, ledger, outside.target(feed.opensearch), old)
        except TargetError as error:  # the next sweep tries again
            outside.tell(Event("left", str(error)))


def _ours(attempt: Attempt, each: Shown) -> dict[str, IndexState]:
    """The indices of a dataset, of all days."""
    found = attempt.target.indices(f"{each.to.index}-*")
    ours = {"feed": attempt.feed.name, "dataset": each.dataset.name}
    return {name: state for name, state in found.items() if ours.items() <= state.meta.items() and date_of(state)}


def _too_old(attempt: Attempt, ours: Mapping[str, IndexState], days: int) -> dict[str, IndexState]:
    """Those of days that need not stay; the newest day that is shown stays, however old it is."""
    today = attempt.ledger.outside.clock.now().astimezone(attempt.feed.timezone).date()
    dates = {name: when for name, state in ours.items() if (when := date_of(state))}
    newest = max((when for name, when in dates.items() if ours[name].aliases), default=today)
    first = min(today - timedelta(days=days), newest)
    return {name: state for name, state in ours.items() if dates[name] < first and dates[name] != attempt.date}


def _let_go(attempt: Attempt, each: Shown, old: Mapping[str, IndexState]) -> None:
    """Take days that need not stay from the aliases of this feed; those of others keep an index."""
    moves = []
    for name, state in old.items():
        when = date_of(state)
        ours = {each.to.index, f"{each.to.index}-{when}"}
        moves += [Move(alias, "", (name,)) for alias in sorted(state.aliases & ours)]
    if moves and attempt.target.swap(moves):
        attempt.tell("removed", f"{len(old)} old indices of {each.to.index} are no longer shown")


def _unseen(attempt: Attempt, old: Mapping[str, IndexState], before: Mapping[str, IndexState]) -> Iterator[str]:
    """Those that nobody has been shown for a while."""
    now = attempt.ledger.outside.clock.now()
    for name, state in old.items():
        if not state.aliases and name not in before and state.created and state.created <= now - AGE:
            yield name


def _superseded(
    attempt: Attempt, ours: Mapping[str, IndexState], runs: int, before: Mapping[str, IndexState]
) -> Iterator[str]:
    """Those of earlier publications of the day, but for the newest ones."""
    mine = {name: _publication(state) for name, state in ours.items() if date_of(state) == attempt.date}
    for name in sorted(mine, key=mine.__getitem__, reverse=True)[runs:]:
        if 0 < mine[name] < attempt.number and not ours[name].aliases and name not in before:
            yield name


def _publication(state: IndexState) -> int:
    number = state.meta.get("publication")
    return number if isinstance(number, int) else 0


def _remove(attempt: Attempt, names: Iterator[str], what: str) -> None:
    for name in names:
        attempt.target.delete_index(name)
        attempt.tell("removed", f"{name}, {what}")
