"""What stays in the cluster: `keep`, and what nobody follows to clean up. Nothing that a reader may see is removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from posicional.contract.feed import Keep
from posicional.errors import DataRefused
from posicional.ports import Move
from posicional.steps.sweep import sweep
from publishing import World, world_at
from worlds import DAY, feed_of, file_of

TOO_FAR = pa.array([10**9, None], pa.int32()).cast(pa.date32())
"""A day that no mapping takes."""


def world_of(url: str, folder: Path, keep: Keep, view: str = "all") -> World:
    """An empty world whose feed keeps so much."""
    world = world_at(url, folder, view="all" if view == "all" else "latest")
    assert world.feed.opensearch
    world.feed = replace(world.feed, opensearch=replace(world.feed.opensearch, keep=keep))
    return world


def contracts(world: World) -> list[str]:
    """What is there of the dataset `ativos`: date, run and publication."""
    return sorted(name.removeprefix("contratos-") for name in world.everything() if name.startswith("contratos-"))


def day_after_day(world: World, first: date, count: int) -> None:
    """Publish so many days, each at its own noon."""
    for number in range(count):
        day = first + timedelta(days=number)
        world.clock.time = world.clock.time.replace(year=day.year, month=day.month, day=day.day)
        world.run(1, rows=2, day=day)
        world.publish(day=day)


def test_of_each_day_the_newest_publications_stay(cluster: str, tmp_path: Path) -> None:
    """`runs: 2`: the current one and the one before, of this day only; those of other days are theirs."""
    world = world_of(cluster, tmp_path, Keep(runs=2))
    world.run(1, rows=1, day=DAY - timedelta(days=1))
    world.publish(day=DAY - timedelta(days=1))
    for number in (1, 2, 3, 4):
        world.run(number, rows=2)
        world.publish(number)
    assert contracts(world) == ["2026-11-21-0001-0001", "2026-11-22-0003-0003", "2026-11-22-0004-0004"]
    assert len(world.search("contratos")) == 3
    assert "removed: contratos-2026-11-22-0002-0002, an earlier publication's" in world.told.text


def test_what_readers_saw_a_moment_ago_stays_for_them(cluster: str, tmp_path: Path) -> None:
    """`runs: 1`: the index that the aliases showed until now goes with the next publication only."""
    world = world_of(cluster, tmp_path, Keep(runs=1))
    for number in (1, 2, 3):
        world.run(number, rows=2)
        world.publish(number)
    assert contracts(world) == ["2026-11-22-0002-0002", "2026-11-22-0003-0003"]


@pytest.mark.parametrize("view", ["all", "latest"])
def test_old_days_are_hidden_first_and_removed_later(cluster: str, tmp_path: Path, view: str) -> None:
    """`days: 2`: what is older leaves the aliases with one publication, and the cluster with a later one."""
    world = world_of(cluster, tmp_path, Keep(days=2), view)
    far = date(2099, 3, 1)  # after the moment at which the cluster says that the indices were made
    day_after_day(world, far, 4)
    assert world.shown("contratos-2099-03-01") == []
    assert "2099-03-01-0001-0001" in contracts(world), "a reader may be in the midst of it"
    assert len(world.shown("contratos")) == (3 if view == "all" else 1)
    day_after_day(world, far + timedelta(days=4), 1)
    assert contracts(world) == [f"2099-03-0{day}-0001-0001" for day in (2, 3, 4, 5)]
    assert world.shown("contratos-2099-03-03") == ["contratos-2099-03-03-0001-0001"]


def test_the_newest_day_stays_however_old(cluster: str, tmp_path: Path) -> None:
    """A feed that has stopped still shows its last day, also after a newer one failed and an older one came again."""
    world = world_of(cluster, tmp_path, Keep(days=2), "latest")
    day_after_day(world, DAY, 1)
    world.clock.time += timedelta(days=300)
    late = DAY + timedelta(days=299)
    world.run(1, rows=2, day=late, dia=TOO_FAR)
    with pytest.raises(DataRefused):
        world.publish(day=late)
    before = DAY - timedelta(days=1)
    for number in (1, 2, 3):
        world.run(number, rows=1, day=before)
        world.publish(number, day=before)
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0001"]


def test_what_is_not_ours_stays(cluster: str, tmp_path: Path) -> None:
    """Indices of the same pattern that another feed made, or nobody, and those that somebody else's alias shows."""
    world = world_of(cluster, tmp_path, Keep(runs=1, days=1))
    meta = {"dataset": "ativos", "date": "2026-11-01", "run": 1, "publication": 1}
    world.endpoint.create_index("contratos-2026-11-01-b", {"mappings": {"_meta": {**meta, "feed": "b"}}})
    world.endpoint.create_index("contratos-2026-11-01-manual", {})
    day_after_day(world, DAY, 1)
    assert world.endpoint.swap([Move("auditoria", "contratos-2026-11-22-0001-0001")])
    day_after_day(world, date(2099, 3, 1), 5)
    assert contracts(world)[:3] == ["2026-11-01-b", "2026-11-01-manual", "2026-11-22-0001-0001"]
    assert world.shown("auditoria") == ["contratos-2026-11-22-0001-0001"]
    assert world.shown("contratos-2026-11-22") == []


def test_without_keep_nothing_is_removed(cluster: str, tmp_path: Path) -> None:
    """Every publication stays."""
    world = world_of(cluster, tmp_path, Keep())
    for number in (1, 2, 3):
        world.run(number, rows=1)
        world.publish(number)
    assert len(contracts(world)) == 3


def test_a_sweep_removes_what_nobody_follows_to_remove(cluster: str, tmp_path: Path) -> None:
    """The last publication of a day failed and none came after it: a day later its indices go, once."""
    world = world_of(cluster, tmp_path, Keep())
    world.feed = replace(world.feed, files=feed_of(file_of("nunca_vem")).files)
    world.run(1, rows=2, dia=TOO_FAR)
    with pytest.raises(DataRefused):
        world.publish()
    assert contracts(world) == ["2026-11-22-0001-0001"]
    sweep(world.feed, world.outside())
    assert contracts(world) == ["2026-11-22-0001-0001"], "whoever fills it may only be slow"
    world.clock.time += timedelta(hours=25)
    sweep(world.feed, world.outside())
    assert contracts(world) == []


def test_a_sweep_removes_what_a_dead_publication_had_shown(cluster: str, tmp_path: Path) -> None:
    """It died after the aliases had moved; the next one spared its index, because readers had seen it."""
    world = world_of(cluster, tmp_path, Keep())
    world.feed = replace(world.feed, files=feed_of(file_of("nunca_vem")).files)
    world.run(1, rows=2)

    def dies() -> None:
        world.clock.time += timedelta(hours=3)
        world.publish(who="bia@outra")  # ends the first as abandoned, which then moves the aliases all the same

    world.before = dies
    world.publish()
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert contracts(world) == ["2026-11-22-0001-0001", "2026-11-22-0001-0002"]
    world.clock.time += timedelta(hours=25)
    sweep(world.feed, world.outside())
    assert contracts(world) == ["2026-11-22-0001-0002"]


def test_a_sweep_goes_on_when_the_endpoint_is_down(cluster: str, tmp_path: Path) -> None:
    """What cannot be removed now is told, and removed another time."""
    world = world_of(cluster, tmp_path, Keep())
    world.feed = replace(world.feed, files=feed_of(file_of("nunca_vem")).files)
    world.run(1, rows=2, dia=TOO_FAR)
    with pytest.raises(DataRefused):
        world.publish()
    world.clock.time += timedelta(hours=25)
    world.url = "http://127.0.0.1:9"
    assert sweep(world.feed, world.outside()).failures == {}
    assert "left: http://127.0.0.1:9: OpenSearch cannot be reached" in world.told.text
