"""The indices of a publication and their documents: settings, fields, values, and what the cluster refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posicional.backends.opensearch import OpenSearchBackend
from posicional.contract.tolerance import parse_tolerance
from posicional.day.facts import PublicationEnd
from posicional.day.gate import Rest
from posicional.day.journal import Ledger
from posicional.day.report import report
from posicional.day.state import fold
from posicional.errors import DataRefused, TargetError, UsageError
from posicional.ports import Outside
from posicional.steps.publish import publish
from publishing import Interrupted, World, world_at
from worlds import DAY

INDEX = "contratos-2026-11-22-0001-0001"
CPF = "12345678909"
TOO_FAR = pa.array([10**9, None, None], pa.int32()).cast(pa.date32())


@pytest.fixture
def world(cluster: str, tmp_path: Path) -> World:
    """An empty store and an empty endpoint."""
    return world_at(cluster, tmp_path)


def say(world: World, **words: Any) -> None:
    """Let the feed say so of its dataset `ativos`."""
    target = world.feed.opensearch
    assert target
    shown = {**target.datasets, "ativos": replace(target.datasets["ativos"], **words)}
    world.feed = replace(world.feed, opensearch=replace(target, datasets=shown))


def settings(world: World) -> Mapping[str, Any]:
    """How many copies the index has, and how often it is refreshed; None where the cluster decides."""
    found = world.endpoint.indices(INDEX)[INDEX].settings
    return {word: found.get(word) for word in ("number_of_replicas", "refresh_interval")}


def end_of(world: World, number: int = 1) -> PublicationEnd:
    """The end of a publication."""
    end = world.turns()[number - 1].end
    assert isinstance(end, PublicationEnd)
    return end


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ({}, {"number_of_replicas": "1", "refresh_interval": None}),
        (
            {"number_of_replicas": 2, "refresh_interval": "30s"},
            {"number_of_replicas": "2", "refresh_interval": "30s"},
        ),
    ],
    ids=["the cluster's", "the feed's"],
)
def test_an_index_is_quiet_while_it_is_filled(world: World, said: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    """No copies and no refreshing until everything is there; then what the feed says, or the cluster."""
    say(world, settings=said)
    world.run(1, rows=3)
    during: list[Mapping[str, Any]] = []
    world.during = lambda: during.append(settings(world))
    world.publish()
    assert during == [{"number_of_replicas": "0", "refresh_interval": "-1"}]
    assert settings(world) == then


@dataclass(frozen=True)
class Prescribing(Interrupted):
    """A cluster that says how many copies an index has."""

    def set_index(self, name: str, settings: Mapping[str, Any]) -> None:
        """Refuse a change of that."""
        if "number_of_replicas" in settings:
            raise TargetError("refused (400)", where=self.where, got="illegal_argument_exception")
        OpenSearchBackend.set_index(self, name, settings)


def test_a_cluster_that_prescribes_copies_is_obeyed(world: World) -> None:
    """What it does not let us change stays as it is, and is told; the rest is quiet, and restored."""
    world.run(1, rows=3)
    during: list[Mapping[str, Any]] = []
    world.during = lambda: during.append(settings(world))
    made = world.outside()
    prescribing = replace(made, target=lambda _target: Prescribing(world.endpoint.endpoint, world=world))
    publish(world.feed, DAY, 1, prescribing)
    assert during == [{"number_of_replicas": "1", "refresh_interval": "-1"}]
    assert settings(world) == {"number_of_replicas": "1", "refresh_interval": None}
    assert f"settings: {INDEX} keeps its number_of_replicas" in world.told.text


def test_settings_that_the_cluster_does_not_know(world: World) -> None:
    """The cluster's own reason is told; nothing is shown."""
    say(world, settings={"number_of_shrads": 3})
    world.run(1, rows=3)
    with pytest.raises(TargetError, match="number_of_shrads"):
        world.publish()
    assert world.statuses() == ["failed"]


# --- fields -----------------------------------------------------------------------------------------------------------


def test_text_is_searched_by_words_and_as_a_whole(world: World) -> None:
    """`text` alone: the words of a name find it, and so does the whole of it as `nome.keyword`."""
    say(world, fields={"nome": "text", "obs": {"type": "keyword", "index": False}})
    world.run(1, rows=2, nome=pa.array(["Ana da Silva", "Bia Souza"]), obs=pa.array(["x", "y"]))
    world.publish()

    def found(query: Mapping[str, Any]) -> list[str]:
        hits = world.endpoint.endpoint.ask("POST", "/contratos/_search", {"query": query})["hits"]["hits"]
        return [hit["_source"]["nome"] for hit in hits]

    assert found({"match": {"nome": "silva"}}) == ["Ana da Silva"]
    assert found({"term": {"nome.keyword": "Bia Souza"}}) == ["Bia Souza"]
    assert found({"term": {"nome.keyword": "Bia"}}) == []


def test_a_field_that_is_no_column(world: World) -> None:
    """The fault is the contract's, and says which columns there are."""
    say(world, fields={"nmoe": "text"})
    world.run(1, rows=2)
    with pytest.raises(UsageError, match="no column 'nmoe' -> it has id, run"):
        world.publish()
    assert end_of(world).blame == "contract"


def test_moments_have_the_feeds_offset(world: World) -> None:
    """A wall clock of a feed in Brasília is found at the moment that it is there."""
    em = pa.array([1_795_336_200_123_456, None], pa.timestamp("us"))  # 2026-11-22T09:50:00.123456 on the clock
    world.run(1, rows=2, em=em)
    world.publish()
    assert world.search("contratos")[0]["em"] == "2026-11-22T08:30:00.123456-03:00"
    query = {"range": {"em": {"gte": "2026-11-22T11:30:00Z", "lt": "2026-11-22T11:31:00Z"}}}
    assert world.endpoint.endpoint.ask("POST", "/contratos/_count", {"query": query})["count"] == 1


@pytest.mark.parametrize("nulls", [False, True])
def test_nulls_are_left_out_or_kept(world: World, nulls: bool) -> None:
    """By default a document has no field for a null; a feed may want it there."""
    say(world, nulls=nulls)
    world.run(1, rows=2, nome=pa.array(["Ana", None]))
    world.publish()
    second = world.search("contratos")[1]
    assert second.get("nome", "absent") == (None if nulls else "absent")


def test_ids_of_personal_keys_are_hashed(world: World) -> None:
    """The key shows in no id, where it is personal and stands in the document as it is; without a secret it fails."""
    world.run(1, rows=2)
    personal = replace(world.feed.datasets["ativos"], protect={"id": ("plain", 0)})
    world.feed = replace(world.feed, datasets={**world.feed.datasets, "ativos": personal})
    with pytest.raises(UsageError):
        world.publish()
    made = replace(world.outside(), secret=b"a secret of thirty-two bytes ....")
    publish(world.feed, DAY, 1, made)
    hits = world.endpoint.endpoint.ask("GET", "/contratos/_search")["hits"]["hits"]
    assert [len(hit["_id"]) for hit in hits] == [64, 64]


# --- what is verified -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Meddling(Interrupted):
    """An endpoint where something changes a document before anybody sees it."""

    def refresh(self, index: str) -> None:
        """Change one, then refresh."""
        if index == INDEX:
            changed = {"id": "000001", "run": 1, "cpf": "98765432100", "posicional": {"run": 1, "date": "2026-11-22"}}
            self.endpoint.ask("PUT", f"/{index}/_doc/000001", changed)
        OpenSearchBackend.refresh(self, index)


def test_documents_that_say_something_else_are_not_shown(world: World) -> None:
    """A sample is held against the rows: a changed value fails the publication, naming the column only."""
    world.run(1, rows=3, cpf=pa.array([CPF] * 3))
    meddling = replace(world.outside(), target=lambda _target: Meddling(world.endpoint.endpoint, world=world))
    with pytest.raises(TargetError, match="they differ in cpf -> ") as caught:
        publish(world.feed, DAY, 1, meddling)
    assert CPF not in str(caught.value)
    assert "98765432100" not in str(caught.value) + end_of(world).reason
    assert world.shown("contratos") == []


def test_an_index_that_vanished_while_it_was_filled(world: World) -> None:
    """What is sent then may make it anew, without its mapping: that is seen, and removed again."""
    world.run(1, rows=3)
    world.during = lambda: world.endpoint.delete_index(INDEX)
    with pytest.raises(TargetError, match="removed"):
        world.publish()
    assert world.shown("contratos") == []
    assert INDEX not in world.everything()


@dataclass(frozen=True)
class Twice(Interrupted):
    """An endpoint whose first answer to a creation is lost, so that it is asked again."""

    def create_index(self, name: str, body: Mapping[str, Any]) -> bool:
        """Ask twice."""
        OpenSearchBackend.create_index(self, name, body)
        return OpenSearchBackend.create_index(self, name, body)


def test_an_index_that_is_there_already_because_we_asked_twice(world: World) -> None:
    """It is ours by what it says, so nothing is wrong."""
    world.run(1, rows=3)
    twice = replace(world.outside(), target=lambda _target: Twice(world.endpoint.endpoint, world=world))
    publish(world.feed, DAY, 1, twice)
    assert world.statuses() == ["succeeded"]


@dataclass(frozen=True)
class Template(Interrupted):
    """An endpoint whose owner has an index template that gives each new index the alias of the readers."""

    def create_index(self, name: str, body: Mapping[str, Any]) -> bool:
        """With that alias."""
        return OpenSearchBackend.create_index(self, name, {**body, "aliases": {"contratos": {}}})


def test_an_index_that_a_template_shows_at_once_is_not_filled(world: World) -> None:
    """Readers would see both days, and half of one: the publication fails, and they see what they saw."""
    world.run(1, rows=3)
    world.publish()
    world.run(2, rows=4)
    shown = replace(world.outside(), target=lambda _target: Template(world.endpoint.endpoint, world=world))
    with pytest.raises(UsageError, match="an index template of the cluster shows new indices as 'contratos'"):
        publish(world.feed, DAY, 2, shown)
    assert world.shown("contratos") == [INDEX]
    assert len(world.search("contratos")) == 3
    assert "contratos-2026-11-22-0002-0002" not in world.everything()


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_few_refused_documents_may_be_allowed(world: World) -> None:
    """Within the limit the others are shown; the ledger counts why, and names the part that says which."""
    say(world, max_refused=parse_tolerance("40%"))
    world.run(1, rows=3, dia=TOO_FAR)
    world.publish()
    assert [one["id"] for one in world.search("contratos")] == ["000001", "000002"]
    assert f"index: {INDEX}: 2 documents, 1 refused, in" in world.told.text
    day = fold(world.feed, Ledger(world.outside(), world.feed.name, DAY).read())
    assert "from run 1, 1 refused" in report(world.feed, day, Rest("done", ""), world.clock.now()).text
    fact = end_of(world).datasets["ativos"]
    assert (fact.documents, fact.refused) == (2, 1)
    assert [(count, "(field dia)" in reason) for reason, count in fact.reasons.items()] == [(1, True)]
    (part,) = fact.rejects
    assert part.key == "dados-rejeitados/f/ativos/data=2026-11-22/opensearch=0001/part-00000.parquet"
    (row,) = pq.read_table(pa.BufferReader(world.store.read(part.key))).to_pylist()
    assert (row["_id"], row["_file"], row["reason"]) == ("000000", None, next(iter(fact.reasons)))
    assert str(TOO_FAR.cast(pa.string())[0]) not in str(row) + str(end_of(world))


def test_too_many_refused_documents_fail_and_are_written_down(world: World) -> None:
    """The message and the ledger say where it stands which documents they were."""
    say(world, max_refused=parse_tolerance("0"))
    world.run(1, rows=3, dia=TOO_FAR)
    with pytest.raises(DataRefused, match=r"which ones: dados-rejeitados/f/ativos/.*/part-00000\.parquet"):
        world.publish()
    (part,) = end_of(world).datasets["ativos"].rejects
    assert part.rows == 1
    assert world.store.head(part.key).size == part.bytes


def test_a_column_named_otherwise_is_refused_before_anything_is_made(world: World) -> None:
    """A column that can be no field of a document."""
    world.run(1, rows=1, _id=pa.array(["x"]))
    with pytest.raises(UsageError, match="cannot be a field"):
        world.publish()
    assert world.everything() == set()


# --- serverless -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Serverless(Interrupted):
    """An endpoint that knows no copies and no refreshing, and shows what was sent by and by."""

    def set_index(self, name: str, settings: Mapping[str, Any]) -> None:
        """Nobody may ask for that."""
        raise AssertionError((name, settings))

    def refresh(self, index: str) -> None:
        """Nor for that."""
        raise AssertionError(index)

    def count(self, index: str) -> int:
        """Grow with the time that passes."""
        OpenSearchBackend.refresh(self, index)
        return min(OpenSearchBackend.count(self, index), len(self.world.clock.slept))


def by_and_by(world: World) -> Outside:
    """The outside of a process that publishes there."""
    target = Serverless(world.endpoint.endpoint, serverless=True, world=world)
    return replace(world.outside(), target=lambda _target: target)


def test_where_nobody_can_ask_for_a_refresh_the_count_is_awaited(world: World) -> None:
    """Serverless: no settings, no refresh, and patience until everything can be found."""
    world.run(1, rows=5)
    publish(world.feed, DAY, 1, by_and_by(world))
    assert world.statuses() == ["succeeded"]
    assert len(world.clock.slept) == 5


def test_patience_has_an_end(world: World) -> None:
    """What never comes is an error after a bounded time."""
    world.run(1, rows=50)
    with pytest.raises(TargetError, match="expected 50 documents, got 10"):
        publish(world.feed, DAY, 1, by_and_by(world))
    assert sum(world.clock.slept) < 120
