"""`mode: upsert`: one index, in which the latest word about each key stands, in whatever order the days come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from posicional.backends.opensearch import OpenSearchBackend
from posicional.day.facts import PublicationEnd
from posicional.errors import TargetError, UsageError
from posicional.ports import Move
from posicional.steps.publish import publish
from posicional.steps.upserting import version_of
from publishing import YESTERDAY, Interrupted, World, world_at
from worlds import DAY, new_store

TOMORROW = DAY + timedelta(days=1)


@dataclass
class Changes:
    """A feed of changes: each run says of some keys what their value is now, or that they are gone."""

    world: World

    def day(self, day: date, said: dict[str, str | None], **outside: Any) -> None:
        """A day says so: value by key, None for what is gone."""
        run = 1 + len(self.world.turns(day))
        columns = {
            "id": pa.array(list(said)),
            "valor": pa.array([value or "" for value in said.values()]),
            "apagado": pa.array([value is None for value in said.values()]),
        }
        self.world.run(run, rows=len(said), day=day, **columns)
        self.world.publish(run, day=day, **outside)

    @property
    def seen(self) -> dict[str, str]:
        """What readers find: value by key."""
        return {one["id"]: one["valor"] for one in self.world.search("contratos")}

    def end(self, day: date = DAY, number: int = 1) -> PublicationEnd:
        """The end of a publication."""
        end = self.world.turns(day)[number - 1].end
        assert isinstance(end, PublicationEnd)
        return end


@pytest.fixture
def changes(cluster: str, tmp_path: Path) -> Changes:
    """An empty feed of changes whose flag is `apagado`."""
    world = world_at(cluster, tmp_path)
    target = world.feed.opensearch
    assert target
    shown = {"ativos": replace(target.datasets["ativos"], deleted="apagado")}
    world.feed = replace(world.feed, opensearch=replace(target, datasets=shown, upsert=True))
    return Changes(world)


def test_each_day_changes_what_it_speaks_of(changes: Changes) -> None:
    """New keys come, known ones change, those of which nothing is said stay; the ledger says where."""
    changes.day(YESTERDAY, {"a": "1", "b": "1"})
    changes.day(DAY, {"b": "2", "c": "2"})
    assert changes.seen == {"a": "1", "b": "2", "c": "2"}
    assert changes.world.everything() == {"contratos-upsert"}
    fact = changes.end().datasets["ativos"]
    assert (fact.index, fact.aliases, fact.documents, fact.stale) == ("contratos-upsert", ("contratos",), 2, 0)
    found = changes.world.endpoint.documents("contratos-upsert", ["b"])["b"]
    assert found.version == version_of(DAY, 1)
    assert found.source == {"id": "b", "valor": "2", "run": 1, "posicional": {"run": 1, "date": "2026-11-22"}}


@pytest.mark.parametrize(
    "order", list(permutations([YESTERDAY, DAY, TOMORROW])), ids=lambda order: " ".join(map(str, order))
)
def test_days_may_come_in_any_order(changes: Changes, order: Sequence[date]) -> None:
    """The latest day that speaks of a key has the last word, also when it says that it is gone."""
    said: dict[date, dict[str, str | None]] = {
        YESTERDAY: {"a": "1", "b": "1", "c": None, "d": "1"},
        DAY: {"a": "2", "b": None, "c": "2"},
        TOMORROW: {"a": "3"},
    }
    for day in order:
        changes.day(day, said[day])
    assert changes.seen == {"a": "3", "c": "2", "d": "1"}
    for place, day in enumerate(order):
        spoken_of = {key for before in order[:place] if before > day for key in said[before]}
        assert changes.end(day).datasets["ativos"].stale == len(spoken_of & set(said[day]))


def test_what_is_gone_leaves_no_values(changes: Changes) -> None:
    """A flagged row hides its document and empties it; an older day does not bring it back; a later one does."""
    changes.day(YESTERDAY, {"a": "1"})
    changes.day(DAY, {"a": None})
    assert changes.seen == {}
    left = changes.world.endpoint.documents("contratos-upsert", ["a"])["a"].source
    assert left == {"posicional": {"run": 1, "date": "2026-11-22", "deleted": True}}
    changes.day(YESTERDAY, {"a": "corrected", "b": "1"})
    assert changes.seen == {"b": "1"}
    assert changes.end(YESTERDAY, 2).datasets["ativos"].stale == 1
    changes.day(TOMORROW, {"a": "3"})
    assert changes.seen == {"a": "3", "b": "1"}


def test_a_correction_of_the_day_wins(changes: Changes) -> None:
    """A later publication of the same day replaces the earlier one's words; sending the same again changes nothing."""
    changes.day(DAY, {"a": "1", "b": "1"})
    changes.day(DAY, {"a": "2"})
    assert changes.seen == {"a": "2", "b": "1"}
    changes.day(DAY, {"a": "2"})
    assert changes.seen == {"a": "2", "b": "1"}


def test_a_sleeper_says_nothing_about_what_was_said_since(changes: Changes) -> None:
    """It was taken over while it slept; when it goes on, what was said since stands, and so does that end."""
    world = changes.world

    def next_morning() -> None:
        world.clock.time += timedelta(hours=3)
        world.publish(1, who="bia@outra")  # ends the first as abandoned
        changes.day(DAY, {"a": "new"}, who="bia@outra")

    world.during = next_morning
    changes.day(DAY, {"a": "old"})
    assert changes.seen == {"a": "new"}
    assert world.statuses() == ["abandoned", "succeeded"]
    assert "somebody else has ended it" in world.told.text


def test_new_columns_are_taken_and_others_refused(changes: Changes) -> None:
    """A column more is a field more; a column of another type is the contract's fault, in the cluster's words."""
    changes.day(DAY, {"a": "1"})
    world = changes.world
    flag = pa.array([False, False])
    world.run(2, rows=2, valor=pa.array(["1", "2"]), mais=pa.array([1, 2]), apagado=flag)
    world.publish(2)
    assert {one.get("mais") for one in world.search("contratos")} == {None, 1, 2}
    world.run(3, rows=2, valor=pa.array(["1", "2"]), mais=pa.array(["x", "y"]), apagado=flag)
    with pytest.raises(UsageError, match="cannot take the dataset's columns"):
        world.publish(3)
    assert changes.end(DAY, 3).blame == "contract"


def test_the_flag_must_be_a_truth(changes: Changes) -> None:
    """A column that is not there, or is no boolean, deletes nothing by accident."""
    world = changes.world
    world.run(1, rows=2, apagado=pa.array(["S", "N"]))
    with pytest.raises(UsageError, match="'apagado' is no boolean column"):
        world.publish()
    assert world.everything() == set()


def test_refused_documents_fail_the_publication_and_the_next_one_mends_it(changes: Changes) -> None:
    """The others of the day are there already: readers of changes see them as they come."""
    world = changes.world
    far = pa.array([10**9, 0], pa.int32()).cast(pa.date32())
    world.run(1, rows=2, dia=far, valor=pa.array(["1", "1"]), apagado=pa.array([False, False]))
    with pytest.raises(Exception, match="1 of 2 documents were refused"):
        world.publish()
    near = pa.array([0, 0], pa.int32()).cast(pa.date32())
    world.run(2, rows=2, dia=near, valor=pa.array(["2", "2"]), apagado=pa.array([False, False]))
    world.publish(2)
    assert set(changes.seen.values()) == {"2"}
    assert len(changes.seen) == 2


def test_an_index_or_alias_of_somebody_else_is_not_taken(changes: Changes) -> None:
    """An index of the name without our `_meta`; an alias that shows something else."""
    world = changes.world
    world.endpoint.create_index("contratos-upsert", {})
    with pytest.raises(TargetError, match="there is an index of this name"):
        changes.day(DAY, {"a": "1"})
    world.endpoint.delete_index("contratos-upsert")
    world.endpoint.create_index("others", {})
    assert world.endpoint.swap([Move("contratos", "others")])
    with pytest.raises(UsageError, match="'contratos' shows 'others'"):
        changes.day(DAY, {"a": "1"})


def test_a_store_that_was_emptied_does_not_publish_in_vain(changes: Changes, tmp_path: Path) -> None:
    """Its publications begin with 1 again, and the index would take none of what they say: that is no success."""
    changes.day(DAY, {"a": "1"})
    changes.day(DAY, {"a": "2"})
    changes.world.store = new_store("folder", tmp_path / "emptied")
    with pytest.raises(TargetError, match="later publications of this date, which this ledger did not make"):
        changes.day(DAY, {"a": "3"})
    assert changes.world.statuses() == ["failed"]
    assert changes.seen == {"a": "2"}


def test_the_mode_does_not_change_under_readers(changes: Changes) -> None:
    """What was published day by day is not taken over by an index of changes, nor the other way round."""
    world = changes.world
    changes.day(DAY, {"a": "1"})
    target = world.feed.opensearch
    assert target
    world.feed = replace(world.feed, opensearch=replace(target, upsert=False))
    world.run(2, rows=2)
    with pytest.raises(UsageError, match="another mode:"):
        world.publish(2)
    assert changes.seen == {"a": "1"}


def test_two_days_that_begin_at_once(changes: Changes) -> None:
    """Both find that there is no index yet; one makes it, and both fill it."""
    world = changes.world
    world.during = lambda: changes.day(YESTERDAY, {"a": "1", "b": "1"})
    changes.day(DAY, {"b": "2"})
    assert changes.seen == {"a": "1", "b": "2"}


@dataclass(frozen=True)
class Meddling(Interrupted):
    """An endpoint where something changes a document before anybody sees it."""

    def refresh(self, index: str) -> None:
        """Change one, as new as it was."""
        words = {"id": "a", "valor": "x", "run": 1, "posicional": {"run": 1, "date": "2026-11-22"}}
        params = {"version": str(version_of(DAY, 1)), "version_type": "external_gte"}
        self.endpoint.ask("PUT", f"/{index}/_doc/a", words, params)
        OpenSearchBackend.refresh(self, index)


def test_documents_that_say_something_else_fail(changes: Changes) -> None:
    """The sample holds the documents of this version against their rows."""
    world = changes.world
    world.run(1, rows=1, id=pa.array(["a"]), valor=pa.array(["1"]), apagado=pa.array([False]))
    made = replace(world.outside(), target=lambda _target: Meddling(world.endpoint.endpoint, world=world))
    with pytest.raises(TargetError, match="they differ in valor"):
        publish(world.feed, DAY, 1, made)
