"""Publishing to a real endpoint: readers see a whole day or the one before, and the ledger says which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from posicional.contract.feed import IndexOf, OpenSearchTarget, View
from posicional.day.facts import PublicationEnd
from posicional.errors import DataRefused, TargetError, UsageError
from posicional.ports import Move, Store
from posicional.steps.publish import publish
from publishing import YESTERDAY, Interrupted, World, world_at
from worlds import DAY


@pytest.fixture
def world(cluster: str, tmp_path: Path) -> World:
    """An empty store and an empty endpoint."""
    return world_at(cluster, tmp_path)


# --- what readers see -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_a_run_is_shown_whole(cluster: str, tmp_path: Path, kind: str) -> None:
    """Every row is a document with its id and where it came from; both aliases show the index; the ledger says so."""
    world = world_at(cluster, tmp_path, kind=kind)
    world.run(1, rows=25)
    world.publish()
    index = "contratos-2026-11-22-0001-0001"
    assert world.shown("contratos") == world.shown("contratos-2026-11-22") == [index]
    assert world.shown("resumo") == ["resumo-2026-11-22-0001-0001"]
    found = world.search("contratos")
    assert [one["id"] for one in found] == [f"{n:06d}" for n in range(25)]
    assert found[0] == {"posicional": {"run": 1, "date": "2026-11-22"}, "id": "000000", "run": 1}
    assert world.endpoint.indices(index)[index].meta == {
        "feed": "f",
        "dataset": "ativos",
        "date": "2026-11-22",
        "run": 1,
        "publication": 1,
    }
    end = world.turns()[0].end
    assert isinstance(end, PublicationEnd)
    assert (end.status, end.run) == ("succeeded", 1)
    assert end.datasets["ativos"].index == index
    assert end.datasets["ativos"].documents == 25
    assert end.datasets["ativos"].aliases == ("contratos", "contratos-2026-11-22")


def test_the_run_after_takes_its_place(world: World) -> None:
    """A corrected day moves every alias to the new indices; the old ones stay, seen by nobody."""
    world.run(1, rows=3)
    world.publish(1)
    world.run(2, rows=5)
    world.publish(2)
    assert world.shown("contratos") == world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0002-0002"]
    assert world.shown("resumo") == ["resumo-2026-11-22-0002-0002"]
    assert {one["run"] for one in world.search("contratos")} == {2}
    assert world.statuses() == ["succeeded", "succeeded"]


def test_latest_never_moves_to_an_older_date(world: World) -> None:
    """A backfill of yesterday after today is shown under its own day only; the day after today takes over."""
    world.run(1, rows=3)
    world.publish()
    world.run(1, rows=2, day=YESTERDAY)
    world.publish(day=YESTERDAY)
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0001"]
    assert world.shown("contratos-2026-11-21") == ["contratos-2026-11-21-0001-0001"]
    end = world.turns(YESTERDAY)[0].end
    assert isinstance(end, PublicationEnd)
    assert end.datasets["ativos"].aliases == ("contratos-2026-11-21",), "the ledger does not say what is not so"
    tomorrow = DAY + timedelta(days=1)
    world.run(1, rows=4, day=tomorrow)
    world.publish(day=tomorrow)
    assert world.shown("contratos") == ["contratos-2026-11-23-0001-0001"]
    assert world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0001-0001"]


def test_view_all_covers_every_day_once(cluster: str, tmp_path: Path) -> None:
    """With `view: all` the alias shows all days, and a second run replaces its own day only."""
    world = world_at(cluster, tmp_path, view="all")
    for number, day in ((1, DAY), (1, YESTERDAY), (2, DAY)):
        world.run(number, rows=2 + number, day=day)
        world.publish(number, day=day)
    assert world.shown("contratos") == ["contratos-2026-11-21-0001-0001", "contratos-2026-11-22-0002-0002"]
    assert world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0002-0002"]
    assert len(world.search("contratos")) == 3 + 4


def test_a_dataset_without_rows_is_shown_empty(world: World) -> None:
    """No rows are a result like any other."""
    world.run(1, rows=0)
    world.publish()
    assert world.search("contratos-2026-11-22") == []
    assert world.search("resumo") == [{"posicional": {"run": 1, "date": "2026-11-22"}, "id": "total", "n": 0}]


# --- failures ---------------------------------------------------------------------------------------------------------


def test_refused_documents_fail_the_publication(world: World) -> None:
    """A value that the mapping cannot hold fails the whole: counted, without the value, and nothing is shown."""
    far = pa.array([10**9, None, None], pa.int32()).cast(pa.date32())
    world.run(1, rows=3, dia=far)
    with pytest.raises(DataRefused) as caught:
        world.publish()
    assert "1 of 3 documents were refused: 1 x " in str(caught.value)
    assert "(field dia)" in str(caught.value)
    value = str(far.cast(pa.string())[0])
    assert value not in str(caught.value) + world.told.text
    assert value not in str(world.turns()[0].end)
    assert world.statuses() == ["failed"]
    end = world.turns()[0].end
    assert isinstance(end, PublicationEnd)
    assert end.blame == "data"
    assert world.shown("contratos") == world.shown("resumo") == []


def test_what_a_failed_attempt_left_is_removed_by_the_next(world: World) -> None:
    """Indices of attempts that did not succeed go away after a later success; those that somebody looks at, and others
    of the same pattern, stay.
    """
    world.run(1, rows=2, dia=pa.array([10**9, None], pa.int32()).cast(pa.date32()))
    with pytest.raises(DataRefused):
        world.publish()
    world.endpoint.create_index("contratos-2026-11-22-manual", {})
    assert "contratos-2026-11-22-0001-0001" in world.everything()
    world.run(2, rows=2)
    world.publish(2)
    assert "contratos-2026-11-22-0001-0001" not in world.everything()
    world.run(3, rows=2, dia=pa.array([10**9, None], pa.int32()).cast(pa.date32()))
    with pytest.raises(DataRefused):
        world.publish(3)
    world.endpoint.swap([Move("looked-at", "contratos-2026-11-22-0003-0003")])
    world.run(4, rows=2)
    world.publish(4)
    assert world.statuses() == ["failed", "succeeded", "failed", "succeeded"]
    assert world.everything() == {
        "contratos-2026-11-22-manual",
        "contratos-2026-11-22-0003-0003",
        "contratos-2026-11-22-0004-0004",
        "resumo-2026-11-22-0004-0004",
        "contratos-2026-11-22-0002-0002",
        "resumo-2026-11-22-0002-0002",
    }


def test_an_index_that_holds_less_is_not_shown(world: World) -> None:
    """Three rows that make two documents are no publication: the count tells."""
    world.run(1, rows=3, id=pa.array(["a", "b", "a"]))
    with pytest.raises(TargetError, match="expected 3 documents, got 2"):
        world.publish()
    assert world.shown("contratos") == []


def test_an_endpoint_that_is_down_fails_the_publication(world: World) -> None:
    """The ledger says that it failed and that something outside is to blame; the error names the endpoint."""
    world.run(1, rows=2)
    world.url = "http://127.0.0.1:9"
    with pytest.raises(TargetError, match=r"http://127\.0\.0\.1:9: OpenSearch cannot be reached"):
        world.publish()
    end = world.turns()[0].end
    assert isinstance(end, PublicationEnd)
    assert (end.status, end.blame) == ("failed", "outside")


def test_an_index_with_the_aliass_name_is_in_the_way(world: World) -> None:
    """A concrete index where the alias should be is one clear sentence, before anything is sent."""
    world.run(1, rows=2)
    world.endpoint.create_index("contratos", {})
    with pytest.raises(UsageError, match="'contratos' is an index"):
        world.publish()
    assert world.everything() == {"contratos"}
    assert world.statuses() == ["failed"]


def test_an_alias_of_somebody_else_is_not_taken(world: World) -> None:
    """An alias that shows what this feed did not make stays as it is."""
    world.run(1, rows=2)
    world.endpoint.create_index("others", {"mappings": {"_meta": {"feed": "another"}}})
    assert world.endpoint.swap([Move("resumo", "others")])
    with pytest.raises(UsageError, match="'resumo' shows 'others'"):
        world.publish()
    assert world.shown("resumo") == ["others"]
    assert world.shown("contratos") == []


def test_an_index_that_an_emptied_store_left(world: World) -> None:
    """An index of ours that nobody sees makes way; one that readers see does not."""
    world.run(1, rows=2)
    meta = {"_meta": {"feed": "f", "date": "2026-11-22"}}
    world.endpoint.create_index("contratos-2026-11-22-0001-0001", {"mappings": meta})
    world.publish()
    assert len(world.search("contratos")) == 2
    world.run(1, rows=2, day=YESTERDAY)
    world.endpoint.create_index("contratos-2026-11-21-0001-0001", {"mappings": meta})
    world.endpoint.swap([Move("readers", "contratos-2026-11-21-0001-0001")])
    with pytest.raises(TargetError, match="already, which this ledger did not make"):
        world.publish(day=YESTERDAY)


def test_a_dataset_that_the_run_did_not_make(world: World) -> None:
    """A contract that names a new dataset asks for another run, and leaves no turn behind."""
    world.run(1, rows=2)
    shown = {"novo": IndexOf("novo", "novo")}
    world.feed = replace(world.feed, opensearch=OpenSearchTarget(world.url, shown))
    with pytest.raises(UsageError, match="run 1 has not made the dataset 'novo'"):
        world.publish()
    assert world.turns() == ()


# --- several at once --------------------------------------------------------------------------------------------------


def test_only_one_publishes_at_a_time(world: World) -> None:
    """While a publication is live another does nothing."""
    world.run(1, rows=2)
    world.during = lambda: world.publish(who="bia@outra")
    world.publish()
    assert world.statuses() == ["succeeded"]
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0001"]


def test_a_sleeper_that_was_taken_over_moves_nothing(world: World) -> None:
    """A publication whose lease ran out is ended by the next one; when it wakes up it stops, and what it left goes."""
    world.run(1, rows=2)

    def next_morning() -> None:
        world.clock.time += timedelta(hours=3)
        world.publish(who="bia@outra")  # ends the first as abandoned
        world.run(2, rows=4)
        world.publish(2, who="bia@outra")

    world.during = next_morning
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert {one["run"] for one in world.search("contratos")} == {2}
    assert "somebody else has ended it" in world.told.text


def test_a_sleeper_between_looking_and_moving_meets_the_fence(world: World) -> None:
    """Paused after its last look at the ledger, it finds that the aliases no longer show what it saw, and stops."""
    world.run(1, rows=2, day=YESTERDAY)
    world.publish(day=YESTERDAY)
    world.run(1, rows=3)

    def next_morning() -> None:
        world.clock.time += timedelta(hours=3)
        world.publish(who="bia@outra")
        world.run(2, rows=4)
        world.publish(2, who="bia@outra")

    world.before = next_morning
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert world.shown("contratos") == world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0002-0002"]
    assert world.shown("resumo") == ["resumo-2026-11-22-0002-0002"]


@pytest.mark.parametrize("view", ["latest", "all"])
def test_a_sleeper_at_the_very_first_publication_meets_the_fence(cluster: str, tmp_path: Path, view: View) -> None:
    """The same where there was nothing to see: two first publications cannot both be shown, in either view."""
    world = world_at(cluster, tmp_path, view)
    world.run(1, rows=3)

    def next_morning() -> None:
        world.clock.time += timedelta(hours=3)
        world.publish(who="bia@outra")
        world.run(2, rows=4)
        world.publish(2, who="bia@outra")

    world.before = next_morning
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert world.shown("contratos") == ["contratos-2026-11-22-0002-0002"]


@pytest.mark.parametrize("first", [True, False], ids=["the very first", "after others"])
def test_two_days_at_once_end_with_the_newer(world: World, first: bool) -> None:
    """Yesterday looks, today is published, yesterday moves: `latest` stays with today, and shows it alone."""
    if not first:
        world.run(1, rows=1, day=YESTERDAY - timedelta(days=1))
        world.publish(day=YESTERDAY - timedelta(days=1))
    world.run(1, rows=2, day=YESTERDAY)
    world.run(1, rows=3)
    world.before = world.publish
    world.publish(day=YESTERDAY)
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0001"]
    assert world.shown("contratos-2026-11-21") == ["contratos-2026-11-21-0001-0001"]


class Killed(BaseException):
    """As if by kill -9: nothing is written afterwards."""


@dataclass
class Mortal:
    """A store that dies with its process."""

    store: Any
    dead: bool = False

    def __getattr__(self, name: str) -> Any:
        if self.dead:
            raise Killed
        return getattr(self.store, name)


def test_a_process_that_died_after_moving_is_made_good(world: World) -> None:
    """The aliases had moved, the end was not written: the next one moves them again; the first goes later."""
    world.run(1, rows=2)
    mortal = Mortal(world.store)

    class Dying(Interrupted):
        def swap(self, moves: Sequence[Move]) -> bool:
            assert super().swap(moves)
            mortal.dead = True
            raise Killed

    outside = world.outside()
    dying = replace(
        outside, target=lambda _target: Dying(world.endpoint.endpoint, world=world), store=cast("Store", mortal)
    )
    with pytest.raises(Killed):
        publish(world.feed, DAY, 1, dying)
    assert world.statuses() == ["live"]
    assert len(world.search("contratos")) == 2, "readers see a whole day"
    world.publish(gone=lambda _who: True)  # ends the dead one as abandoned
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0002"]
    assert "contratos-2026-11-22-0001-0001" in world.everything(), "a reader may be in the midst of it"
    world.publish()
    assert "contratos-2026-11-22-0001-0001" not in world.everything()
