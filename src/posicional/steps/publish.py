"""A run's datasets become what readers see: whole, or not at all.

Each publication fills indices of its own and counts them; only then do the aliases move, all datasets of the run in one
call, from the indices they were seen to show. So readers never meet half a day, and a process that slept too long
cannot move an alias back. The aliases follow the ledger: before they move it is read again, and whoever finds an end
under its own number, written by somebody else, stops.

The order is: claim, fill, count, move, end. A crash before the end leaves a claim that is taken over; the next
publication then finds the aliases wherever they are and moves them again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from posicional.contract.feed import Dataset, Feed, IndexOf
from posicional.day.facts import (
    Blame,
    DatasetFact,
    EndStatus,
    PublicationClaim,
    PublicationEnd,
    PublishedFact,
    RunEnd,
    blame_of,
)
from posicional.day.journal import Facts, Ledger, Signature
from posicional.day.keys import TurnKey, publications
from posicional.day.series import LEASE
from posicional.day.state import Day, Publication, fold, run_of
from posicional.documents.bodies import bodies
from posicional.documents.mapping import mapping
from posicional.documents.rows import batches, schema_of
from posicional.errors import DataRefused, PosicionalError, TargetError, UsageError
from posicional.ports import Event, IndexState, Move, Outside, Target
from posicional.steps.days import place

LOOKS = 10
"""How often the aliases are looked at before it is said that somebody else keeps moving them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One dataset of a publication: where it is shown, the index that is filled for it, and the parts it is made of."""

    dataset: Dataset
    to: IndexOf
    index: str
    made: DatasetFact

    def aliases(self, day: date) -> tuple[str, str]:
        """The alias of all days, and the day's own."""
        return self.to.index, f"{self.to.index}-{day.isoformat()}"


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
        lease_until=outside.clock.now() + LEASE,
        run=run,
        indices={each.dataset.name: each.index for each in shown},
    )

    def abandon(turn: int, signature: Signature, reason: str) -> PublicationEnd:
        left = next(each for each in turns if each.number == turn)
        return PublicationEnd(**signature, status="abandoned", reason=reason, blame="outside", run=run_of(left))

    series = publications(target.name)
    if ledger.claim(series, turns, claim, abandon) is None:
        return
    _tell(outside, "publication", f"publication {number} of run {run} at {target.where}")
    if _Attempt(feed, ledger, target, run, number, time.monotonic()).carry_out(shown):
        _clean_up(feed, ledger, target, turns)


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
        index = f"{to.index}-{day.date.isoformat()}-{run:04d}-{number:04d}"
        shown.append(Shown(feed.datasets[name], to, index, made[name]))
    return tuple(shown)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A publication that this process has claimed; `began` is monotonic."""

    feed: Feed
    ledger: Ledger
    target: Target
    run: int
    number: int
    began: float

    def carry_out(self, shown: Sequence[Shown]) -> bool:
        """Fill, count, move, end. False when somebody else has ended it meanwhile. Raises what made it fail."""
        published: dict[str, PublishedFact] = {}
        try:
            self._refuse_others(shown, self._look(shown))
            for each in shown:
                published[each.dataset.name] = self._fill(each)
            entitled = self._move(shown)
        except PosicionalError as error:
            self._end("failed", published, str(error), blame_of(error))
            raise
        except BaseException as error:
            self._end("failed", published, f"stopped by {type(error).__name__}", blame_of(error))
            raise
        return entitled and self._end("succeeded", published)

    def _end(
        self, status: EndStatus, published: Mapping[str, PublishedFact], reason: str = "", blame: Blame = ""
    ) -> bool:
        """Write the end. False when somebody else's stands: what was made here does not count."""
        fact = PublicationEnd(
            **self.ledger.sign(),
            status=status,
            reason=reason,
            blame=blame,
            run=self.run,
            datasets=published,
            seconds=round(time.monotonic() - self.began, 3),
        )
        won = self.ledger.write(TurnKey(publications(self.target.name), self.number, "end"), fact)
        if not won:
            self._tell("abandoned", f"publication {self.number}: somebody else has ended it")
        elif status == "succeeded":
            self._tell("published", f"publication {self.number} of run {self.run}, in {fact.seconds:.1f} s")
        else:
            self._tell(status, f"publication {self.number}: {reason}")
        return won

    # --- filling ------------------------------------------------------------------------------------------------------

    def _fill(self, each: Shown) -> PublishedFact:
        """A new index with every row of a dataset. Raises unless all of them are in it."""
        store, day = self.ledger.outside.store, self.ledger.date
        keys = [part.key for part in each.made.parts]
        self._create(each, mapping(schema_of(store, keys[0]), self._meta(each.dataset.name)))
        extra = {"run": self.run, "date": day.isoformat()}
        began = time.monotonic()
        loaded = self.target.load(each.index, bodies(batches(store, keys), key=each.dataset.key, extra=extra))
        if loaded.refused:
            reasons = "; ".join(f"{count} x {reason}" for reason, count in sorted(loaded.refused.items()))
            raise DataRefused(
                f"{sum(loaded.refused.values())} of {each.made.rows} documents were refused: {reasons}",
                where=f"{self.target.where} {each.index}",
                hint="mend the dataset's columns, then run the command again with --again",
            )
        self.target.refresh(each.index)
        counted = self.target.count(each.index)
        if counted != each.made.rows:
            raise TargetError(
                "the index does not hold what was sent",
                where=f"{self.target.where} {each.index}",
                expected=f"{each.made.rows} documents",
                got=str(counted),
                hint="run the command again; if it stays so, look at the cluster's log",
            )
        self._tell("index", f"{each.index}: {counted:,} documents, in {time.monotonic() - began:.1f} s")
        return PublishedFact(index=each.index, aliases=each.aliases(day), documents=counted)

    def _create(self, each: Shown, words: Mapping[str, object]) -> None:
        """Make the index; one of the same name that an earlier ledger left and nobody sees makes way for it."""
        there = self.target.indices(each.index).get(each.index)
        if there is not None:
            if there.aliases or there.meta.get("feed") != self.feed.name:
                raise TargetError(
                    "there is an index of this name already, which this ledger did not make",
                    where=f"{self.target.where} {each.index}",
                    hint="remove it, if the store was emptied; or give the feed another index:",
                )
            self.target.delete_index(each.index)
        self.target.create_index(each.index, {"mappings": words})

    def _meta(self, dataset: str) -> dict[str, object]:
        """What tells an index of ours from others."""
        return {
            "feed": self.feed.name,
            "dataset": dataset,
            "date": self.ledger.date.isoformat(),
            "run": self.run,
            "publication": self.number,
        }

    # --- moving -------------------------------------------------------------------------------------------------------

    def _move(self, shown: Sequence[Shown]) -> bool:
        """Make the aliases show the new indices. False when this turn has been ended by somebody else."""
        facts: Facts | None = None
        for _ in range(LOOKS):
            facts = self.ledger.read(facts)
            if TurnKey(publications(self.target.name), self.number, "end") in facts.entries:
                self._tell("abandoned", f"publication {self.number}: somebody else has ended it")
                return False
            states = self._look(shown)
            self._refuse_others(shown, states)
            moves = moves_for(shown, self.ledger.date, states)
            if not moves:
                return True
            if self.target.swap(moves):
                for move in moves:
                    self._tell("alias", f"{move.alias} -> {move.index}")
        raise TargetError(
            "somebody else keeps moving the aliases",
            where=f"{self.target.where} {', '.join(each.to.index for each in shown)}",
            hint="find out who, then run the command again",
        )

    def _look(self, shown: Sequence[Shown]) -> dict[str, IndexState]:
        """Every index that one of the aliases shows, and any that has an alias's name."""
        return self.target.indices(*(alias for each in shown for alias in each.aliases(self.ledger.date)))

    def _refuse_others(self, shown: Sequence[Shown], states: Mapping[str, IndexState]) -> None:
        """Raise `UsageError` when an alias's name is an index, or shows an index that is not this feed's."""
        for alias in (alias for each in shown for alias in each.aliases(self.ledger.date)):
            if alias in states:
                raise UsageError(
                    f"{alias!r} is an index, so it cannot be the alias that readers use",
                    where=self.target.where,
                    hint="give the dataset another index: in the feed, or remove that index",
                )
            for index, state in states.items():
                if alias in state.aliases and state.meta.get("feed") != self.feed.name:
                    raise UsageError(
                        f"the alias {alias!r} shows {index!r}, which this feed did not make",
                        where=self.target.where,
                        hint="give the dataset another index: in the feed, or remove that alias",
                    )

    def _tell(self, step: str, text: str) -> None:
        _tell(self.ledger.outside, step, text)


def moves_for(shown: Sequence[Shown], day: date, states: Mapping[str, IndexState]) -> list[Move]:
    """The moves after which readers see these indices, given what the aliases show now; none when they do already.

    The day's own alias always moves. An alias of `view: latest` never moves to an older business date; one of
    `view: all` lets go of the same date's index only.
    """
    moves = []
    for each in shown:
        latest, own = each.aliases(day)
        moves += _move_to(each.index, own, {name for name, state in states.items() if own in state.aliases})
        held = {name: _date_of(state) for name, state in states.items() if latest in state.aliases}
        if each.to.view == "all":
            same = tuple(sorted(name for name, when in held.items() if when == day and name != each.index))
            if each.index not in held or same:
                moves.append(Move(latest, each.index, same, alone=False))
        elif all(when is None or when <= day for when in held.values()):
            moves += _move_to(each.index, latest, set(held))
    return moves


def _move_to(index: str, alias: str, held: set[str]) -> list[Move]:
    return [] if held == {index} else [Move(alias, index, tuple(sorted(held - {index})))]


def _date_of(state: IndexState) -> date | None:
    try:
        return date.fromisoformat(str(state.meta.get("date")))
    except ValueError:
        return None


def _clean_up(feed: Feed, ledger: Ledger, target: Target, turns: Sequence[Publication]) -> None:
    """Remove the indices that earlier attempts of the day left: ours by their `_meta`, and seen by nobody."""
    for turn in turns:
        if turn.succeeded or not isinstance(turn.claim, PublicationClaim) or not turn.claim.indices:
            continue
        ours = {"feed": feed.name, "date": ledger.date.isoformat(), "publication": turn.number}
        try:
            left = target.indices(*turn.claim.indices.values())
            for name, state in left.items():
                if not state.aliases and ours.items() <= state.meta.items():
                    target.delete_index(name)
                    _tell(ledger.outside, "removed", f"{name}, which publication {turn.number} left")
        except TargetError as error:  # the next publication tries again; this one has succeeded
            _tell(ledger.outside, "left", str(error))


def _tell(outside: Outside, step: str, text: str) -> None:
    outside.tell(Event(step, text))
