"""What the aliases show: looked at, held against what they should, and moved behind a fence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from posicional.day.facts import PublicationEnd
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import TurnKey, publications
from posicional.errors import TargetError, UsageError
from posicional.ports import IndexState, Move
from posicional.steps.days import Window
from posicional.steps.publication import Attempt, Shown

LOOKS = 10
"""How often the aliases are looked at before it is said that somebody else keeps moving them."""

_ANOTHER = "give the dataset another index: in the feed, or remove that alias"


def look(attempt: Attempt, shown: Sequence[Shown]) -> dict[str, IndexState]:
    """Every index that one of the aliases shows, and any that has an alias's name."""
    return attempt.target.indices(*(alias for each in shown for alias in each.aliases))


def refuse_others(attempt: Attempt, shown: Sequence[Shown], states: Mapping[str, IndexState]) -> None:
    """Raise `UsageError` when an alias's name is an index, or shows one that is not this feed's, or of another mode."""
    for alias in (alias for each in shown for alias in each.aliases):
        if alias in states:
            raise UsageError(
                f"{alias!r} is an index, so it cannot be the alias that readers use",
                where=attempt.target.where,
                hint="give the dataset another index: in the feed, or remove that index",
            )
        for index, state in states.items():
            if alias not in state.aliases:
                continue
            if state.meta.get("feed") != attempt.feed.name:
                text = f"the alias {alias!r} shows {index!r}, which this feed did not make"
                raise UsageError(text, where=attempt.target.where, hint=_ANOTHER)
            if (state.meta.get("mode") == "upsert") != attempt.upsert:
                text = f"the alias {alias!r} shows {index!r}, which was published in another mode:"
                raise UsageError(text, where=attempt.target.where, hint=_ANOTHER)


def move(attempt: Attempt, shown: Sequence[Shown]) -> Mapping[str, IndexState] | None:
    """Make the aliases show the new indices, and what they show then. None when somebody else has ended this turn."""
    facts: Facts | None = None
    later = _later_is_published(attempt)
    for _ in range(LOOKS):
        facts = attempt.ledger.read(facts)
        if has_ended(attempt, facts):
            return None
        states = look(attempt, shown)
        refuse_others(attempt, shown, states)
        moves = moves_for(shown, attempt.date, states, later=later)
        if not moves:
            return states
        if attempt.target.swap(moves):
            for one in moves:
                attempt.tell("alias", f"{one.alias} -> {one.index}")
    raise TargetError(
        "somebody else keeps moving the aliases",
        where=attempt.at(", ".join(each.to.index for each in shown)),
        hint="find out who, then run the command again",
    )


def has_ended(attempt: Attempt, facts: Facts | None = None) -> bool:
    """Whether somebody else has written the end of this turn."""
    facts = facts or attempt.ledger.read()
    if TurnKey(publications(attempt.target.name), attempt.number, "end") not in facts.entries:
        return False
    attempt.tell("abandoned", f"publication {attempt.number}: somebody else has ended it")
    return True


def _later_is_published(attempt: Attempt) -> bool:
    """Whether the ledger says that readers were shown a later date; asked of the newest ones first."""
    feed, outside, series = attempt.feed, attempt.ledger.outside, publications(attempt.target.name)
    day = Window.at(feed, outside.clock.now()).newest
    while day > attempt.date:
        facts = Ledger(outside, feed.name, day).read(
            wanted=lambda key: isinstance(key, TurnKey) and (key.series, key.what) == (series, "end")
        )
        if any(isinstance(fact, PublicationEnd) and fact.status == "succeeded" for fact in facts.entries.values()):
            return True
        day = feed.calendar.previous(day)
    return False


def is_lost(attempt: Attempt, shown: Sequence[Shown]) -> bool:
    """Whether the cluster does not show what the ledger says was published: an index that is gone, an alias that was
    taken from it, or one of all days that shows nothing, or an older date. Raises `TargetError`.
    """
    states = look(attempt, shown)
    for each in shown:
        index = next((state for name, state in states.items() if name == each.index), None)
        if index is None or each.aliases[-1] not in index.aliases:
            return True
        readers = [date_of(state) for state in states.values() if each.aliases[0] in state.aliases]
        if each.to.view == "all" and not attempt.upsert:
            if each.aliases[0] not in index.aliases:
                return True
        elif not attempt.upsert and not any(when is None or when >= attempt.date for when in readers):
            return True
    return False


def moves_for(
    shown: Sequence[Shown], day: date, states: Mapping[str, IndexState], *, later: bool = False
) -> list[Move]:
    """The moves after which readers see these indices, given what the aliases show now; none when they do already.

    The day's own alias always moves. An alias of `view: latest` never moves to an older business date, also where it
    shows nothing although a `later` one was published; one of `view: all` lets go of the same date's index only.
    """
    moves = []
    for each in shown:
        readers, own = each.aliases
        moves += _move_to(each.index, own, {name for name, state in states.items() if own in state.aliases})
        held = {name: date_of(state) for name, state in states.items() if readers in state.aliases}
        if each.to.view == "all":
            same = tuple(sorted(name for name, when in held.items() if when == day and name != each.index))
            if each.index not in held or same:
                moves.append(Move(readers, each.index, same, alone=False))
        elif not later and all(when is None or when <= day for when in held.values()):
            moves += _move_to(each.index, readers, set(held))
    return moves


def date_of(state: IndexState) -> date | None:
    """The business date of an index; None where it says none."""
    try:
        return date.fromisoformat(str(state.meta.get("date")))
    except ValueError:
        return None


def _move_to(index: str, alias: str, held: set[str]) -> list[Move]:
    return [] if held == {index} else [Move(alias, index, tuple(sorted(held - {index})))]
