"""What posicional promises of a day, whatever happens to it: each promise once, as a function that checks it.

A promise is checked against the store as it lies there, read as a person would read it, and against a `History`: what
a test itself has seen happen. None of the product's own judgement is asked: neither the fold nor the gate.
docs/ledger.md tells the same promises to the user, in the same order; `tests/test_invariants.py` holds the two in step,
and proves that each of them can be broken.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from light import Row, Shelf, table_of
from posicional.contract.feed import Feed
from posicional.day import revision
from posicional.ports import Store

Words = dict[str, Any]
"""A fact as it lies there."""

INCOMING, DATA = "dados-posicionais/", ("dados-parquet/", "dados-rejeitados/", "dados-processados/")


@dataclass(frozen=True, slots=True)
class Content:
    """What a file held when it arrived: its good records, and whether a feed can use it."""

    data: bytes
    rows: tuple[Row, ...]
    good: Callable[[Feed], bool] = lambda _feed: True

    @property
    def sha256(self) -> str:
        """Its content's hash, as the facts have it."""
        return hashlib.sha256(hashlib.sha256(self.data).digest()).hexdigest()


@dataclass(frozen=True, slots=True)
class Wrote:
    """A process created a fact."""

    who: str
    key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Began:
    """A process began a part or an index, `what`, when it had seen the first `known` of the facts."""

    who: str
    what: str
    known: int


@dataclass
class History:
    """What a test has seen happen to a day, in its order. `arrived`: (key, version) -> what it held. `feeds`: the
    contracts that were in force, the last one now.
    """

    day: date
    feeds: list[Feed]
    arrived: dict[tuple[str, str], Content] = field(default_factory=dict)
    wrote: list[Wrote] = field(default_factory=list)
    began: list[Began] = field(default_factory=list)

    @property
    def feed(self) -> Feed:
        """The contract that is in force."""
        return self.feeds[-1]

    @property
    def prefix(self) -> str:
        """Where the day's facts lie."""
        return f"controle/{self.feed.name}/{self.day}/"


# --- the promises -----------------------------------------------------------------------------------------------------


def check_always(store: Store, history: History) -> None:
    """What holds at every moment, also while processes are at it, asleep or dead."""
    facts_are_written_once(store, history)
    one_turn_at_a_time(history)
    what_has_ended_is_not_done_again(history)
    what_a_fact_names_is_there(store, history)


def check_at_rest(store: Store, history: History, shelf: Shelf, rest: str, feeds: Sequence[Feed] | None = None) -> None:
    """What holds when nobody is at it any more; `rest` is how `advance` says that the day stands.

    `feeds`: the contracts under which the current run may have been made, all that were in force unless told.
    """
    check_always(store, history)
    every_version_is_an_arrival(store, history)
    rows_are_there_once(store, history)
    the_current_run_is_the_one_the_rules_name(history, rest, feeds or history.feeds)
    if rest == "done":
        readers_see_the_current_run(store, history, shelf)


def check_cleaned(store: Store, history: History) -> None:
    """What holds a day later, after clean-up."""
    what_a_fact_names_is_there(store, history)
    nothing_else_is_left(store, history)


def facts_are_written_once(store: Store, history: History) -> None:
    """A fact is created by one process, and stays what it was."""
    keys = [one.key for one in history.wrote]
    assert len(keys) == len(set(keys)), f"created twice: {[key for key, count in Counter(keys).items() if count > 1]}"
    there = {found.key: store.read(found.key) for found in store.list(history.prefix)}
    assert there == {one.key: one.data for one in history.wrote if one.key.startswith(history.prefix)}


def one_turn_at_a_time(history: History) -> None:
    """A run, or publication, is claimed when the one before it has ended, and succeeds only for whoever claimed it."""
    ended: dict[str, int] = defaultdict(int)
    claimed: dict[str, int] = defaultdict(int)
    owners: dict[tuple[str, int], str] = {}
    for one in history.wrote:
        found = _TURN.fullmatch(one.key.removeprefix(history.prefix))
        if found is None:
            continue
        series, number, what = found[1], int(found[2]), found[3]
        words = json.loads(one.data)
        if what == "claim":
            assert number == claimed[series] + 1 == ended[series] + 1, f"{series} {number} was claimed out of turn"
            claimed[series] = number
            owners[series, number] = one.who
        elif what == "started":
            assert one.who == owners[series, number], f"{series} {number} was started by somebody else"
        else:
            assert number == claimed[series], f"{series} {number} ended unclaimed"
            own = one.who == owners[series, number]
            assert own or words["status"] == "abandoned", f"{series} {number}: {words['status']} by somebody else"
            ended[series] = number


def what_has_ended_is_not_done_again(history: History) -> None:
    """No process reads an arrival, makes a dataset or fills an index whose end it has seen; no run makes one twice."""
    parts = [one.what for one in history.began]
    twice = [what for what, count in Counter(parts).items() if count > 1]
    assert not twice, f"made twice: {twice}"
    ends: dict[str, int] = {}
    for position, one in enumerate(history.wrote):
        name = one.key.removeprefix(history.prefix)
        if (found := _READ.match(name)) and len(history.feeds) == 1:  # under another contract it is read in another way
            ends[found[1]] = position
        elif (turn := _TURN.fullmatch(name)) and turn[3] == "end":
            ends[f"{turn[1]}/{turn[2]}"] = position
    for begun in history.began:
        end = ends.get(_step(begun.what))
        assert end is None or end >= begun.known, f"{begun.who} began {begun.what}, and knew that it had ended"


def what_a_fact_names_is_there(store: Store, history: History) -> None:
    """Every part that counts is where its fact says, as large as it says."""
    there = {found.key: found.size for prefix in DATA for found in store.list(prefix)}
    named = _named(ledger_of(history))
    assert named == {key: there.get(key) for key in named}


def every_version_is_an_arrival(store: Store, history: History) -> None:
    """What lies there is the newest arrival of its name, each version numbered once in the order in which it came."""
    facts = ledger_of(history)
    for found in store.list(INCOMING):
        came = [version for key, version in history.arrived if key == found.key]
        seen = [one["object_version"] for name, one in facts.items() if _SEEN.match(name) and one["key"] == found.key]
        assert seen[-1:] == came[-1:], f"nobody has seen the newest version of {found.key}"
        assert seen == [version for version in came if version in seen], f"{found.key}: {seen} of {came}"


def rows_are_there_once(store: Store, history: History) -> None:
    """Every record of an arrival that counts stands in its parts once; every record of a run's set in its dataset."""
    facts = ledger_of(history)
    contents = dict(_contents(facts, history))
    for name, words in facts.items():
        if (found := _READ.match(name)) and words["status"] != "superseded":
            file, number = found[1].split("/")[1], int(found[1].split("/")[2])
            column = _column(history.feed, file)
            rows = _rows(store, [part["key"] for part in words["parts"]], "_line", column)
            assert rows == Counter(contents[file, number].rows), name
        elif (found := _END.fullmatch(name)) and words["status"] == "succeeded":
            inputs = facts[f"runs/{found[1]}.claim.json"]["inputs"]
            expected = Counter(
                (file, *row) for file, one in inputs.items() for row in contents[file, one["arrival"]].rows
            )
            keys = [part["key"] for part in words["datasets"]["linhas"]["parts"]]
            assert _rows(store, keys, "arquivo", "linha", "valor") == expected, name


def the_current_run_is_the_one_the_rules_name(history: History, rest: str, feeds: Sequence[Feed]) -> None:
    """The current run is of the newest good arrival of each file, or the one that a person has rolled back to."""
    facts = ledger_of(history)
    usable = {file: _usable(file, facts, history, feeds) for file in history.feed.files}
    waived = {words["about"]["file"] for words in _decisions(facts) if words["decision"] == "waive"}
    if rest != "done":
        whole = all(one.certain or file in waived for file, one in usable.items())
        assert _shut(facts) or not whole or len(feeds) > 1, f"the day rests ({rest}), and nothing is in its way"
        return
    run, standing = current_run(facts)
    if standing is not None:
        assert run == standing["run"]
        newest = {file: one.contents[0].sha256 for file, one in usable.items() if one.contents}
        reruns = sum(words["decision"] == "rerun" for words in _decisions(facts))
        assert len(feeds) > 1 or standing["content"] == revision.content(newest, reruns), "something has come since"
        return
    taken = {file: one["sha256"] for file, one in facts[f"runs/{run:04d}.claim.json"]["inputs"].items()}
    for file, one in usable.items():
        without = file not in taken and file in waived and not one.certain
        assert without or taken.get(file) in {content.sha256 for content in one.contents}, f"{file} of run {run}"


def readers_see_the_current_run(store: Store, history: History, shelf: Shelf) -> None:
    """What the alias shows is the current run's dataset, each row once."""
    facts = ledger_of(history)
    run, _ = current_run(facts)
    made = facts[f"runs/{run:04d}.end.json"]["datasets"]["linhas"]
    rows = _rows(store, [part["key"] for part in made["parts"]], "arquivo", "linha", "valor")
    seen = shelf.seen_at("linhas")
    assert rows == Counter((one["arquivo"], one["linha"], one["valor"]) for one in seen)
    assert {one["posicional"]["run"] for one in seen} <= {run}


def nothing_else_is_left(store: Store, history: History) -> None:
    """A day later every part that lies there is named by a fact that counts, and nobody's leftovers lie anywhere."""
    there = {found.key for prefix in DATA for found in store.list(prefix)}
    assert there == set(_named(ledger_of(history)))
    hidden = [found.key for prefix in (*DATA, history.prefix) for found in store.unfinished(prefix)]
    assert hidden == []


# --- the facts, read by hand ------------------------------------------------------------------------------------------

_TURN = re.compile(r"(runs|publications/[^/]+)/(\d+)\.(claim|started|end)\.json")
_END = re.compile(r"runs/(\d+)\.end\.json")
_SEEN = re.compile(r"arrivals/([^/]+)/(\d+)\.seen\.json")
_READ = re.compile(r"(arrivals/[^/]+/\d+)\.[0-9a-f]+\.done\.json")
_ATTEMPT = re.compile(r"dados-(?:parquet|rejeitados)/[^/]+/([^/]+)/data=[^/]+/arrival=(\d+)/")
_RUN = re.compile(r"dados-processados/[^/]+/[^/]+/data=[^/]+/run=(\d+)/")


def _step(what: str) -> str:
    """The step of which a part or an index is: `arrivals/<file>/<n>`, `runs/<n>`, `publications/opensearch/<n>`."""
    if found := _ATTEMPT.match(what):
        return f"arrivals/{found[1]}/{found[2]}"
    if found := _RUN.match(what):
        return f"runs/{found[1]}"
    return f"publications/opensearch/{what[-4:]}"


def current_run(facts: Mapping[str, Words]) -> tuple[int, Words | None]:
    """The number of the current run (0: none), and what the rollback says that makes it so."""
    good = [int(found[1]) for name, words in facts.items() if (found := _END.fullmatch(name)) and _succeeded(words)]
    rollbacks = [words["about"] for words in _decisions(facts) if words["decision"] == "rollback"]
    if rollbacks and not any(number > rollbacks[-1]["last"] for number in good):
        return rollbacks[-1]["run"], rollbacks[-1]
    return max(good, default=0), None


def _succeeded(words: Words) -> bool:
    return bool(words["status"] == "succeeded")


def ledger_of(history: History) -> dict[str, Words]:
    """Every fact of the day by its name, in their order; the store has the same (`facts_are_written_once`)."""
    facts = {one.key.removeprefix(history.prefix): json.loads(one.data) for one in history.wrote}
    return dict(sorted(facts.items()))


def _decisions(facts: Mapping[str, Words]) -> list[Words]:
    return [words for name, words in facts.items() if name.startswith("decisions/")]


def _shut(facts: Mapping[str, Words]) -> bool:
    """Whether a person holds or skips the day."""
    words = [one["decision"] for one in _decisions(facts) if one["decision"] in ("hold", "skip_day", "release")]
    return bool(words) and words[-1] != "release"


def _named(facts: Mapping[str, Words]) -> dict[str, int]:
    """Every part that a fact names and that counts, and its size."""
    parts: list[Words] = []
    for name, words in facts.items():
        if _READ.match(name):
            parts += [*words["parts"], *words["rejects"]]
        elif _END.fullmatch(name) and _succeeded(words):
            parts += [*words["absent"], *(part for made in words["datasets"].values() for part in made["parts"])]
    return {part["key"]: part["bytes"] for part in parts}


def _contents(facts: Mapping[str, Words], history: History) -> Iterator[tuple[tuple[str, int], Content]]:
    """(file, arrival) and what it held."""
    for name, words in facts.items():
        if found := _SEEN.match(name):
            yield (found[1], int(found[2])), history.arrived[words["key"], words["object_version"]]


@dataclass(frozen=True, slots=True)
class _Usable:
    """What a current run may have taken of a file, the newest first. `certain`: it must have taken one of them."""

    contents: tuple[Content, ...]
    certain: bool


def _usable(file: str, facts: Mapping[str, Words], history: History, feeds: Sequence[Feed]) -> _Usable:
    """What is good, or was accepted by a person: under one contract that is one content, or none.

    A day that was finished under an older contract keeps what that one took; so under several contracts the newest that
    each of them would take may be it. What has been replaced cannot be read under another one.
    """
    reads: dict[str, list[str]] = defaultdict(list)
    for name, words in facts.items():
        if read := _READ.match(name):
            reads[read[1]].append(words["status"])
    accepted = {
        (words["about"]["arrival"], words["about"]["reading"])
        for words in _decisions(facts)
        if words["decision"] == "accept" and words["about"]["file"] == file
    }
    found: list[Content] = []
    for (name, number), content in sorted(_contents(facts, history), key=lambda one: -one[0][1]):
        statuses = reads[f"arrivals/{name}/{number:04d}"]
        if name != file or set(statuses) == {"superseded"}:
            continue
        takes = [content.good(feed) or (number, revision.reading(feed.files[file])) in accepted for feed in feeds]
        if any(takes):
            found.append(content)
        if all(takes) and "superseded" not in statuses:
            return _Usable(tuple(found), certain=True)
    return _Usable(tuple(found), certain=False)


def _column(feed: Feed, file: str) -> str:
    """The field of a file that the datasets show."""
    return str(re.findall(rf"'{file}' as arquivo, _line as linha, (\w+) as valor", feed.datasets["linhas"].sql)[0])


def _rows(store: Store, keys: Sequence[str], *columns: str) -> Counter[tuple[Any, ...]]:
    """How often each row stands in some parts."""
    tables = [table_of(store, key, [*columns]) for key in keys]
    return Counter(row for table in tables for row in zip(*(table[name].to_pylist() for name in columns), strict=True))
