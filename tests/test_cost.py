"""What the store is asked: for a day only what is that day's, for a sweep only what is the window's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from posicional.backends import store_objects
from posicional.backends.duckdb import DuckDbEngine
from posicional.contract.feed import Feed
from posicional.day.journal import Ledger
from posicional.ports import Outside, Place, Source, Store, StoredObject
from posicional.steps.advance import advance, peek
from posicional.steps.days import open_days
from posicional.steps.sweep import sweep
from test_advance import Around
from worlds import DAY, ToldClock, clientes, contratos, new_store, outside_of, s3_store, send, write_feed

EVENING = ToldClock(datetime(DAY.year, DAY.month, DAY.day, 18, tzinfo=ZoneInfo("America/Sao_Paulo"))).time


@dataclass
class Counting(Around):
    """A real store that counts what is asked of it, and notes where (`touched`: the keys and prefixes)."""

    calls: Counter[str] = field(default_factory=Counter)
    touched: list[str] = field(default_factory=list)

    def _count(self, what: str, where: str) -> None:
        self.calls[what] += 1
        self.touched.append(where)

    def create(self, key: str, data: bytes) -> None:
        """Count, and write."""
        self._count("create", key)
        self.real.create(key, data)

    def read(self, key: str) -> bytes:
        """Count, and read."""
        self._count("read", key)
        return self.real.read(key)

    def head(self, key: str) -> StoredObject:
        """Count, and look."""
        self._count("head", key)
        return self.real.head(key)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Count, and list; what is listed below the incoming prefix is not counted, all else is."""
        self._count("list", prefix)
        for found in self.real.list(prefix):
            if prefix != "dados-posicionais/":
                self.calls["listed"] += 1
            yield found

    def source(self, found: StoredObject) -> Source:
        """Count, and open."""
        self._count("source", found.key)
        return self.real.source(found)

    def sink(self, prefix: str) -> Place:
        """Count, and give."""
        self._count("sink", prefix)
        return self.real.sink(prefix)

    def delete(self, key: str) -> None:
        """Count, and remove."""
        self._count("delete", key)
        self.real.delete(key)


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets."""
    return write_feed(tmp_path_factory.mktemp("feed"))


def world(store: Store) -> Outside:
    """An outside with the real engine, in the evening."""
    return outside_of(store, ToldClock(EVENING), engine=DuckDbEngine)


def finished(store: Store, feed: Feed) -> dict[str, bytes]:
    """A finished day, made once: every object of the store."""
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos())
    send(store, f"CLIENTES_{DAY:%Y%m%d}.txt", clientes())
    assert advance(feed, DAY, world(store)).problem is None
    return {found.key: store.read(found.key) for found in store.list("")}


@pytest.fixture(scope="module")
def whole_day(tmp_path_factory: pytest.TempPathFactory, feed: Feed) -> dict[str, bytes]:
    """The objects of a finished day."""
    return finished(new_store("memory", tmp_path_factory.getbasetemp()), feed)


def put_days(store: Store, day: dict[str, bytes], days: Sequence[date]) -> None:
    """So many finished days, as copies of one: what arrived, and its ledger, which names what the store has now."""
    for when in days:
        copy = {_moved(key, when): data.replace(str(DAY).encode(), str(when).encode()) for key, data in day.items()}
        for key, data in copy.items():
            if key.startswith("dados-posicionais/"):
                send(store, key.removeprefix("dados-posicionais/"), data)
        for key, data in copy.items():
            if key.endswith(".seen.json"):
                seen = json.loads(data)
                found = store.head(_moved(seen["key"], when))
                seen |= {"key": found.key, "object_version": found.version, "tag": found.tag}
                store.create(key, json.dumps(seen).encode())
            elif key.startswith("controle/"):
                store.create(key, data)


def _moved(key: str, when: date) -> str:
    return key.replace(str(DAY), str(when)).replace(f"{DAY:%Y%m%d}", f"{when:%Y%m%d}")


def before(days: int, first: int = 1) -> list[date]:
    """So many dates before the day."""
    return [DAY - timedelta(days=n) for n in range(first, first + days)]


def calls(store: Store, step: Any) -> Counter[str]:
    """What a step asks of a store."""
    counting = Counting(store)
    step(world(counting))
    return counting.calls


def test_an_arrival_costs_the_same_however_many_days_there_are(
    feed: Feed, whole_day: dict[str, bytes], tmp_path: Path
) -> None:
    """The first file of a day, then the second with its run: the same calls beside 0 days and beside 300."""
    costs = []
    for days in (0, 300):
        store = new_store("memory", tmp_path)
        put_days(store, whole_day, before(days))
        send(store, f"CLIENTES_{DAY:%Y%m%d}.txt", clientes())
        first = calls(store, lambda outside: advance(feed, DAY, outside))
        send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos())
        second = calls(store, lambda outside: advance(feed, DAY, outside))
        costs.append((first, second))
    assert costs[0] == costs[1]
    assert (costs[0][0]["create"], costs[0][1]["create"]) == (2, 5)


def test_an_event_on_s3_costs_the_same_however_much_lies_there(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request counted, in pages of ten names: a trigger asks for the names of its day, not for all of them."""
    costs = []
    for days in (0, 100):
        with s3_store(monkeypatch) as (store, server):
            server.page, server.versioned = 10, True
            monkeypatch.setattr(store_objects, "PAGE", server.page)
            for when in [*before(days), *(DAY + timedelta(days=n) for n in range(1, days + 1))]:
                send(store, f"CLIENTES_{when:%Y%m%d}.txt", b"")
                send(store, f"CONTRATOS_{when:%Y%m%d}.txt", b"")
            requests = []
            for name, data in (("CLIENTES", clientes()), ("CONTRATOS", contratos())):
                send(store, f"{name}_{DAY:%Y%m%d}.txt", data)
                server.requests.clear()
                outcome = advance(feed, DAY, world(store), insist=False)
                requests.append(Counter(one.partition(" ")[0] for one in server.requests))
            assert outcome.rest.why == "done"
            costs.append(requests)
    beside_none, beside_many = ([one["GET"] for one in requests] for requests in costs)
    # Two names' beginnings are listed a look; of each at most two pages more, where other days' names begin alike.
    looks = 5
    assert [many - none for none, many in zip(beside_none, beside_many, strict=True)] <= [4 * looks, 4 * looks]
    assert [{**requests[0], "GET": 0} for requests in costs] == [{**costs[0][0], "GET": 0}] * 2


def test_a_finished_day_costs_two_lists_and_its_facts(feed: Feed, whole_day: dict[str, bytes], tmp_path: Path) -> None:
    """Nothing else is asked."""
    store = new_store("memory", tmp_path)
    put_days(store, whole_day, before(20, first=0))
    facts = len(list(store.list(f"controle/saude/{DAY}/")))
    assert calls(store, lambda outside: advance(feed, DAY, outside)) == {"list": 2, "listed": facts, "read": facts}


def test_the_cost_of_a_day_grows_with_its_arrivals_only(feed: Feed, tmp_path: Path) -> None:
    """Each correction adds what the one before it added, and the facts that were written meanwhile."""
    store = new_store("memory", tmp_path)
    finished(store, feed)
    counts = []
    for number in range(4):
        send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos(["OURO"] * (number + 1)))
        counts.append(calls(store, lambda outside: advance(feed, DAY, outside)))
    writes = [(count["create"], count["sink"], count["source"], count["list"]) for count in counts]
    assert writes == [writes[0]] * 4
    reads = [count["read"] for count in counts]
    assert {later - earlier for earlier, later in pairwise(reads)} == {writes[0][0]}


def test_a_quiet_sweep_grows_with_the_window(feed: Feed, whole_day: dict[str, bytes], tmp_path: Path) -> None:
    """What arrived is listed once; every date in the window costs the same, older ones nothing."""
    store = new_store("memory", tmp_path)
    put_days(store, whole_day, before(60, first=0))
    costs = [
        calls(store, lambda outside, days=days: sweep(replace(feed, lookback=days), outside)) for days in (9, 19, 29)
    ]
    assert [cost["create"] + cost["sink"] + cost["delete"] for cost in costs] == [0, 0, 0]
    for what in ("list", "read", "listed"):
        ten = costs[1][what] - costs[0][what]
        assert costs[2][what] - costs[1][what] == ten
        assert ten % 10 == 0
    facts = len([key for key in whole_day if key.startswith("controle/")])
    assert costs[1]["read"] - costs[0]["read"] == 10 * facts


def test_five_years_of_days(feed: Feed, whole_day: dict[str, bytes], tmp_path: Path) -> None:
    """Of 1,826 ledgers in a folder the status of a date touches that date's facts, the open days the window's."""
    store = new_store("folder", tmp_path)
    ledger = {key: data for key, data in whole_day.items() if key.startswith("controle/")}
    root = Path(store.locate("controle/saude"))
    for when in before(1826, first=0):
        for key, data in ledger.items():
            path = root.parents[1] / key.replace(str(DAY), str(when))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    counting = Counting(store)
    state, _ = peek(feed, DAY, world(counting))
    prefix = Ledger(world(store), feed.name, DAY).prefix
    assert (state.run is not None, len(counting.touched)) == (True, 1 + len(ledger))
    assert all(where.startswith(prefix) for where in counting.touched)
    counting = Counting(store)
    assert len(open_days(feed, world(counting))[0]) == 1
    dates = {where.split("/")[2] for where in counting.touched if where.startswith("controle/")}
    assert dates == {str(when) for when in before(feed.lookback + 1, first=0)}
    assert counting.calls["list"] == 1 + len(dates)
