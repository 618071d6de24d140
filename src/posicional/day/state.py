"""The state of a day: a pure fold over its facts. Nothing here reads a clock, a store or the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, TypeVar

from posicional.contract.feed import ExpectedFile, Feed
from posicional.day import revision
from posicional.day.decisions import Decided, Rollback, current_run, decided, decisions_of, standing_rollback
from posicional.day.facts import (
    Claim,
    Done,
    End,
    Fact,
    InputFact,
    PublicationClaim,
    PublicationEnd,
    RunClaim,
    RunEnd,
    Seen,
    Started,
    Unreadable,
)
from posicional.day.journal import Facts
from posicional.day.keys import INCOMING, RUNS, DoneKey, SeenKey, TurnKey
from posicional.day.series import Turn, current

ArrivalStatus = Literal["seen", "converted", "accepted", "refused", "superseded"]

USABLE: frozenset[ArrivalStatus] = frozenset({"converted", "accepted"})
"""What a run may take."""

Run = Turn[RunClaim, RunEnd]
Publication = Turn[PublicationClaim, PublicationEnd]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One received version of a file, and every way in which it has been read (`dones`, by digest of the reading)."""

    number: int
    seen: Seen | Unreadable
    dones: Mapping[str, Done | Unreadable] = field(default_factory=dict)

    def status(self, reading: str) -> ArrivalStatus:
        """What became of it when read that way."""
        if isinstance(self.seen, Unreadable):
            return "refused"
        done = self.dones.get(reading)
        if done is None:
            return "superseded" if self._superseded else "seen"
        return "refused" if isinstance(done, Unreadable) else done.status

    def done(self, reading: str) -> Done | None:
        """The fact of that reading, when there is one that can be read."""
        done = self.dones.get(reading)
        return done if isinstance(done, Done) else None

    @property
    def last_reading(self) -> str:
        """The reading that ended last; empty when there is none."""
        return max(self.dones, key=lambda reading: self.dones[reading].at, default="")

    @property
    def _superseded(self) -> bool:
        """The version is gone: no other way of reading can bring it back."""
        return any(isinstance(done, Done) and done.status == "superseded" for done in self.dones.values())


@dataclass(frozen=True, slots=True)
class Earlier:
    """An arrival of an earlier date that counts for a file with `use: latest` while its own date has none.

    `done` is None on a finished day, where only the run's claim is asked.
    """

    input: InputFact
    done: Done | None = None


@dataclass(frozen=True, slots=True)
class FileDay:
    """One file on one day. `readings` says for each arrival, by number, in which way it counts as read.

    `arrivals` stand in the order of their numbers; where names have versions, in the order of these.
    `accepted`: the numbers of those whose refusal in that reading was accepted by a person. `earlier`: what counts
    while none of the date's own does (`use: latest`).
    """

    expected: ExpectedFile
    arrivals: tuple[Arrival, ...]
    readings: Mapping[int, str]
    accepted: frozenset[int] = frozenset()
    earlier: Earlier | None = None

    @property
    def name(self) -> str:
        """The file's name in the feed."""
        return self.expected.name

    @property
    def newest(self) -> Arrival | None:
        """The last arrival that was not superseded while it was read."""
        return next((one for one in reversed(self.arrivals) if self.status(one) != "superseded"), None)

    @property
    def current(self) -> Arrival | None:
        """The last one that is converted or accepted: what a run takes."""
        return next((one for one in reversed(self.arrivals) if self.status(one) in USABLE), None)

    @property
    def pending(self) -> Arrival | None:
        """The arrival that must be read before anything else can be said of the file."""
        for one in reversed(self.arrivals):
            match self.status(one):
                case "seen":
                    return one
                case "converted" | "accepted":
                    return None
        return None

    @property
    def refused(self) -> Arrival | None:
        """The newest arrival when it was refused, whether or not an older one is current."""
        newest = self.newest
        return newest if newest is not None and self.status(newest) == "refused" else None

    @property
    def refusal(self) -> tuple[str, ...]:
        """Why the newest arrival was refused; empty when it was not."""
        if self.refused is None:
            return ()
        done = self.done(self.refused)
        return tuple(problem.text for problem in done.problems) if done else ("its fact cannot be read",)

    def status(self, arrival: Arrival) -> ArrivalStatus:
        """What became of one of the arrivals; a refusal without a fact that can be read cannot be accepted."""
        status = arrival.status(self.readings[arrival.number])
        taken = status == "refused" and arrival.number in self.accepted and self.done(arrival) is not None
        return "accepted" if taken else status

    def done(self, arrival: Arrival) -> Done | None:
        """The fact that says so."""
        return arrival.done(self.readings[arrival.number])

    @property
    def taken(self) -> Done | None:
        """The fact of what a run would take."""
        if self.current is None:
            return self.earlier.done if self.earlier else None
        return self.done(self.current)

    @property
    def input(self) -> InputFact | None:
        """What a run would take of this file."""
        arrival = self.current
        done = self.done(arrival) if arrival else None
        if arrival is None:
            return self.earlier.input if self.earlier else None
        if done is None:
            return None
        return InputFact(arrival=arrival.number, sha256=done.sha256, reading=self.readings[arrival.number])


@dataclass(frozen=True, slots=True)
class Day:
    """A business date of a feed, as its facts tell it.

    `settled`: what the day has led to is finished (or was rolled back), and nothing has arrived since. A change of the
    contract then moves nothing by itself, and every arrival counts as it was read at the time; `contract_changed` says
    that there is one. `rollback`: the one that holds now. `earlier`: the facts of earlier dates it was folded with.
    `content` is what a run would be made of, `arrived` the part of it that came for the date itself.
    """

    feed: str
    date: date
    files: Mapping[str, FileDay]
    runs: tuple[Run, ...]
    publications: Mapping[str, tuple[Publication, ...]]
    decided: Decided
    rollback: Rollback | None
    inputs: Mapping[str, InputFact]
    earlier: Mapping[str, Facts]
    arrived: str
    content: str
    contract: str
    revision: str
    settled: bool
    contract_changed: bool
    unreadable: Mapping[str, str]

    @property
    def run(self) -> Run | None:
        """The current run: the highest that succeeded, or the one that a rollback names."""
        return current_run(self.runs, self.rollback)

    @property
    def waived(self) -> tuple[str, ...]:
        """Files that the day goes without because a person said so, in the order of the feed."""
        return tuple(name for name in self.files if name in self.decided.waived and name not in self.inputs)

    @property
    def missing(self) -> tuple[str, ...]:
        """Required files that have no usable arrival and are not waived, in the order of the feed."""
        needed = [name for name, file in self.files.items() if file.expected.required and name not in self.inputs]
        return tuple(name for name in needed if name not in self.decided.waived)

    @property
    def refused(self) -> tuple[str, ...]:
        """Files whose newest arrival was refused and not accepted, nor the file waived, in the order of the feed."""
        return tuple(name for name, file in self.files.items() if file.refused and name not in self.waived)

    @property
    def pending(self) -> tuple[tuple[str, int], ...]:
        """File and number of every arrival that must be read next, in the order of the feed."""
        return tuple((name, file.pending.number) for name, file in self.files.items() if file.pending)

    def publication(self, target: str) -> Publication | None:
        """The current publication at a target: the highest that succeeded."""
        return current(self.publications.get(target, ()))

    def published(self, target: str) -> bool:
        """Whether the current run is what readers of that target see."""
        shown = self.publication(target)
        return self.run is not None and shown is not None and run_of(shown) == self.run.number


def run_of(publication: Publication) -> int:
    """The number of the run that a publication shows; 0 when neither of its facts can be read."""
    if isinstance(publication.claim, PublicationClaim):
        return publication.claim.run
    return publication.end.run if isinstance(publication.end, PublicationEnd) else 0


def targets(feed: Feed) -> tuple[str, ...]:
    """Where a feed publishes, as the ledger names it."""
    return ("opensearch",) if feed.opensearch and feed.opensearch.datasets else ()


def fold(feed: Feed, facts: Facts) -> Day:
    """The day that these facts tell, under this contract."""
    arrivals = {name: _arrivals(facts, expected) for name, expected in feed.files.items()}
    runs = _turns(facts, RUNS, RunClaim, RunEnd)
    publications = {
        target: _turns(facts, f"publications/{target}", PublicationClaim, PublicationEnd) for target in targets(feed)
    }
    said = decided(decisions_of(facts))
    rollback = standing_rollback(said.rollback, runs)
    run = current_run(runs, rollback)
    taken = _taken(runs)
    kept = run.claim.inputs if run and isinstance(run.claim, RunClaim) else {}
    own = {name: _file(one, arrivals[name], said, taken) for name, one in feed.files.items()}
    arrived = revision.content(_hashes(own), said.reruns)
    as_read = {name: replace(file, earlier=_kept(file.expected, kept)) for name, file in own.items()}
    content = revision.content(_hashes(as_read), said.reruns)
    held = rollback is not None and rollback.content == arrived
    settled = held or content == _finished(run, publications)
    as_asked = {
        name: replace(_file(one, arrivals[name], said), earlier=_earlier(one, facts))
        for name, one in feed.files.items()
    }
    contract = revision.contract(feed)
    files = as_read if settled else as_asked
    inputs = _inputs(files)
    claim = run.claim if run else None
    return Day(
        feed=feed.name,
        date=facts.date,
        files=files,
        runs=runs,
        publications=publications,
        decided=said,
        rollback=rollback,
        inputs=inputs,
        earlier=facts.earlier,
        arrived=arrived,
        content=content,
        contract=contract,
        revision=revision.revision(inputs, contract, said.reruns),
        settled=settled,
        contract_changed=settled
        and isinstance(claim, RunClaim)
        and (claim.contract != contract or any(not _read_as_asked(file) for file in as_read.values())),
        unreadable={str(key): fact.reason for key, fact in facts.entries.items() if isinstance(fact, Unreadable)},
    )


def _arrivals(facts: Facts, expected: ExpectedFile) -> tuple[Arrival, ...]:
    """Every arrival of a file, the ones that count for more last: by the version in the name, then by number."""
    file = expected.name
    seen: dict[int, Seen | Unreadable] = {}
    dones: dict[int, dict[str, Done | Unreadable]] = {}
    for key, fact in facts.entries.items():
        match key:
            case SeenKey(name, number) if name == file and isinstance(fact, Seen | Unreadable):
                seen[number] = fact
            case DoneKey(name, number, reading) if name == file and isinstance(fact, Done | Unreadable):
                dones.setdefault(number, {})[reading] = fact
    order = {number: (_version(expected, fact), number) for number, fact in seen.items()}
    return tuple(Arrival(number, seen[number], dones.get(number, {})) for number in sorted(seen, key=order.__getitem__))


def _version(expected: ExpectedFile, seen: Seen | Unreadable) -> tuple[tuple[int, ...], int]:
    """What the name of an arrival says of which is the later one."""
    path = seen.key.removeprefix(INCOMING) if isinstance(seen, Seen) else ""
    match = expected.pattern.match(path)
    return match.order if match else ((), 0)


def _taken(runs: tuple[Run, ...]) -> dict[tuple[str, int], str]:
    """(file, arrival) -> the reading in which the last run that was claimed with it took it."""
    claims = [run.claim for run in runs if isinstance(run.claim, RunClaim)]
    return {(name, one.arrival): one.reading for claim in claims for name, one in claim.inputs.items()}


def _file(
    expected: ExpectedFile,
    arrivals: tuple[Arrival, ...],
    said: Decided,
    taken: Mapping[tuple[str, int], str] | None = None,
) -> FileDay:
    """How each arrival counts as read: as the contract asks now.

    With `taken`: as a run took it; else as it was read last, which only clocks can tell.
    """
    asked = revision.reading(expected)
    readings = {one.number: asked for one in arrivals}
    if taken is not None:
        readings = {one.number: taken.get((expected.name, one.number)) or one.last_reading or asked for one in arrivals}
    return FileDay(expected, arrivals, readings, said.accepted_of(expected.name, readings))


def _kept(expected: ExpectedFile, inputs: Mapping[str, InputFact]) -> Earlier | None:
    """What the current run took of an earlier date."""
    found = inputs.get(expected.name)
    return Earlier(found) if expected.use_latest and found is not None and found.of is not None else None


def _earlier(expected: ExpectedFile, facts: Facts) -> Earlier | None:
    """What an earlier date has of a file, as the contract asks now."""
    found = facts.earlier.get(expected.name)
    if found is None:
        return None
    file = _file(expected, _arrivals(found, expected), decided(decisions_of(found)))
    done = file.taken
    if file.input is None or done is None:
        return None
    return Earlier(file.input.model_copy(update={"of": found.date}), done)


def _inputs(files: Mapping[str, FileDay]) -> dict[str, InputFact]:
    return {name: found for name, file in files.items() if (found := file.input)}


def _hashes(files: Mapping[str, FileDay]) -> dict[str, str]:
    return {name: found.sha256 for name, found in _inputs(files).items()}


def _read_as_asked(file: FileDay) -> bool:
    return file.current is None or file.readings[file.current.number] == revision.reading(file.expected)


def _finished(run: Run | None, publications: Mapping[str, tuple[Publication, ...]]) -> str | None:
    """The content that the day's current run was made of, when every target shows that run."""
    if run is None or not isinstance(run.claim, RunClaim):
        return None
    shown = [current(turns) for turns in publications.values()]
    if any(turn is None or run_of(turn) != run.number for turn in shown):
        return None
    return run.claim.content


C = TypeVar("C", bound=Claim)
E = TypeVar("E", bound=End)


def _turns(facts: Facts, series: str, claim_type: type[C], end_type: type[E]) -> tuple[Turn[C, E], ...]:
    found: dict[int, dict[str, Fact | Unreadable]] = {}
    for key, fact in facts.entries.items():
        if isinstance(key, TurnKey) and key.series == series:
            found.setdefault(key.number, {})[key.what] = fact
    turns = []
    for number in sorted(found):
        words = found[number]
        claim, started, end = words.get("claim"), words.get("started"), words.get("end")
        if not isinstance(claim, claim_type | Unreadable):
            claim = Unreadable(next(iter(words.values())).at, "there is no claim")
        turns.append(
            Turn(
                number,
                claim,
                started if isinstance(started, Started | Unreadable) else None,
                end if isinstance(end, end_type | Unreadable) else None,
            )
        )
    return tuple(turns)
