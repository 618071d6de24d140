"""The bulk sender: whatever goes wrong on the way, every document is there once, and nothing is sent without need."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bulk_server import (
    Fault,
    Passing,
    Taken,
    answer_of,
    cut_off,
    endpoint,
    half,
    passed,
    proxy,
    refused,
    reset_after,
    reset_before,
    said_to_be_pushed_back,
    slow,
    some_pushed_back,
    twice,
)
from clocks import StillClock
from posicional.backends.bulk import BODIES, Pace, load
from posicional.backends.endpoint import Endpoint, TryAgain, open_endpoint
from posicional.documents.bodies import bodies
from posicional.errors import DataRefused, TargetError
from posicional.ports import Body, Loaded, RefusedDocument

INDEX = "contratos"
EXTRA = {"run": 1, "date": "2026-11-22"}
CPF = "12345678909"


def to(url: str, clock: StillClock | None = None, *, timeout: float = 30, compress: bool | None = None) -> Endpoint:
    """An endpoint at a URL, with a clock that does not wait and chance that is always the same."""
    return open_endpoint(url, clock or StillClock(), timeout=timeout, compress=compress, random=Random(5))


def parquet(count: int) -> io.BytesIO:
    """A dataset of so many rows, as a file."""
    numbers = range(count)
    table = pa.table(
        {
            "id": [f"{n:05d}" for n in numbers],
            "n": pa.array(numbers, pa.int64()),
            "_file": pa.array(["CONTRATOS.txt"] * count),
            "_line": pa.array([n + 2 for n in numbers], pa.int64()),
            "_byte": pa.array([n * 120 for n in numbers], pa.int64()),
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    return out


def sent(count: int, limit: int = 4000, rows: int = 50) -> Iterator[Body]:
    """The bodies of so many rows."""
    batches = pq.ParquetFile(parquet(count)).iter_batches(batch_size=rows)
    return bodies(batches, key=["id"], extra=EXTRA, limit=limit)


def expected(count: int) -> dict[str, dict[str, object]]:
    """What is to be in the index: id -> document, from the Parquet."""
    rows = pq.read_table(parquet(count)).to_pylist()
    return {
        row["id"]: {
            "posicional": {**EXTRA, "file": row["_file"], "line": row["_line"], "byte": row["_byte"]},
            "id": row["id"],
            "n": row["n"],
        }
        for row in rows
    }


def held(taken: Taken, index: str = INDEX) -> dict[str, dict[str, object]]:
    """What is in the index."""
    return {name: document for name, (_, document) in taken.indices[index].documents.items()}


LATE = slow(1.5)


# --- one fault --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        (refused(429), 2),
        (refused(503, b"<html>Service Unavailable</html>"), 2),
        (refused(502), 2),
        (refused(504), 2),
        (reset_before, 2),
        (reset_after, 2),
        (cut_off, 2),
        (half, 2),
        (some_pushed_back, 2),
        (said_to_be_pushed_back, 2),
        (LATE, 2),
        (twice, 1),
    ],
    ids="429 503 502 504 reset-before reset-after cut-off half some-pushed-back said-pushed-back slow twice".split(),  # noqa: SIM905
)
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_one_fault_loses_and_doubles_nothing(fault: Fault, requests: int, compress: bool) -> None:
    """After one fault of each kind all documents are there, and one wait was enough."""
    clock, bodies_seen = StillClock(), []

    def choose(one: Passing, _times: int) -> Fault:
        bodies_seen.append(one.body.count(b"\n") // 2)
        return fault if len(bodies_seen) == 1 else passed

    with endpoint() as (url, taken), proxy(url, choose) as behind:
        timeout = 1 if fault is LATE else 30
        loaded = load(to(behind, clock, timeout=timeout, compress=compress), INDEX, sent(50, limit=1 << 20))
    assert loaded == Loaded(50, {})
    assert held(taken) == expected(50)
    assert len(bodies_seen) == requests
    assert len(clock.slept) == requests - 1


def test_only_what_was_pushed_back_is_sent_again() -> None:
    """Documents that were taken are written once, however often their neighbours come again."""
    sizes = []

    def choose(one: Passing, _times: int) -> Fault:
        sizes.append(one.body.count(b"\n") // 2)
        return some_pushed_back if len(sizes) < 4 else passed

    with endpoint() as (url, taken), proxy(url, choose, seed=3) as behind:
        assert load(to(behind), INDEX, sent(50, limit=1 << 20)) == Loaded(50, {})
    assert held(taken) == expected(50)
    assert set(taken.indices[INDEX].writes.values()) == {1}
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 25


# --- too large --------------------------------------------------------------------------------------------------------


def only_up_to(limit: int) -> Fault:
    """An endpoint that takes bodies up to a limit."""

    def fault(one: Passing) -> None:
        (refused(413, b"") if len(one.body) > limit else passed)(one)

    return fault


def test_too_large_a_body_is_halved_and_the_next_are_cut_before() -> None:
    """A size that was refused is not tried again: of many bodies only the first ones are refused."""
    refusals = []

    def choose(one: Passing, _times: int) -> Fault:
        refusals.append(len(one.body) > 2000)
        return only_up_to(2000)

    with endpoint() as (url, taken), proxy(url, choose) as behind:
        clock = StillClock()
        assert load(to(behind, clock), INDEX, sent(500, limit=7000), requests=1) == Loaded(500, {})
    assert held(taken) == expected(500)
    assert sum(refusals) <= 2
    assert clock.slept == [], "nobody is busy"


def test_a_document_that_is_too_large_alone_is_refused() -> None:
    """Halving ends at one document, which is kept with its place; its neighbours are taken."""
    with (
        endpoint() as (url, taken),
        proxy(url, lambda one, _: refused(413) if b'"00003"' in one.body else passed) as behind,
    ):
        loaded = load(to(behind), INDEX, sent(10))
    reason = "the document alone is too large for the endpoint"
    assert loaded == Loaded(9, {reason: 1}, (RefusedDocument("00003", "CONTRATOS.txt", 5, reason),))
    assert len(held(taken)) == 9


# --- refused ----------------------------------------------------------------------------------------------------------


def refuses(wrong: bytes, error: dict[str, str], status: int = 400) -> Fault:
    """An endpoint that refuses each document with `wrong` in it."""

    def fault(one: Passing) -> None:
        items = json.loads(one.forward()[1])["items"]
        lines = one.body.split(b"\n")
        for place, item in enumerate(items):
            if wrong in lines[2 * place + 1]:
                item["index"] = {"status": status, "error": error}
        one.handler.answer(200, answer_of(items))

    return fault


PARSING = {"type": "mapper_parsing_exception", "reason": f"failed to parse field [n] in document: '{CPF}'"}


def test_what_is_refused_is_kept_with_its_place_and_without_its_value() -> None:
    """Id, file, line and reason; never what the document holds, nor the server's words."""
    with endpoint() as (url, _), proxy(url, lambda *_: refuses(b'"n":7,', PARSING)) as behind:
        table = pa.table({"id": ["a", "b"], "n": [7, 8], "nome": [CPF, CPF]})
        loaded = load(to(behind), INDEX, bodies(table.to_batches(), key=["id"], extra=EXTRA))
    reason = "mapper_parsing_exception (field n)"
    assert loaded == Loaded(1, {reason: 1}, (RefusedDocument("a", "", 0, reason),))
    assert CPF not in repr(loaded)


def test_beyond_the_limit_the_rest_is_not_sent() -> None:
    """A day whose documents all do not fit costs a few requests, not all of them."""
    with endpoint() as (url, taken), proxy(url, lambda *_: refuses(b"", PARSING)) as behind:
        loaded = load(to(behind), INDEX, sent(1000, limit=2000), most=20)
    assert loaded.documents == 0
    assert 20 < sum(loaded.refused.values()) < 200
    assert len(loaded.kept) == sum(loaded.refused.values())
    assert taken.requests < 20


@pytest.mark.parametrize("kind", ["index_not_found_exception", "cluster_block_exception", "security_exception"])
def test_what_any_document_would_meet_is_no_fault_of_the_document(kind: str) -> None:
    """An index that is gone or blocked is an error of the endpoint: the data is not to blame."""
    error = {"type": kind, "reason": "told to"}
    with (
        endpoint() as (url, _),
        proxy(url, lambda *_: refuses(b"", error, 403)) as behind,
        pytest.raises(TargetError, match=rf"contratos/_bulk was refused; got {kind}"),
    ):
        load(to(behind), INDEX, sent(10))


def test_a_fault_of_the_endpoint_refuses_no_document() -> None:
    """A shard that fails (500) says nothing about a document: it is sent again, and never counted as refused."""
    error = {"type": "already_closed_exception", "reason": "told to"}
    with endpoint() as (url, taken):
        several = refuses(b'"n":7}', error, 500)
        with proxy(url, lambda one, _: several if one.body.count(b"\n") > 2 else passed) as behind:
            loaded = load(to(behind), INDEX, sent(10))
        assert loaded == Loaded(10, {})
        assert taken.requests > 1
        assert held(taken) == expected(10)
        with (
            proxy(url, lambda *_: refuses(b'"n":7}', error, 500)) as behind,
            pytest.raises(TargetError, match="1 documents were pushed back"),
        ):
            load(to(behind), INDEX, sent(10))


def test_what_is_as_new_already_is_neither_lost_nor_refused() -> None:
    """A version conflict means that the index is ahead, also of a request whose answer was lost."""
    with endpoint() as (url, taken):
        newer = [Body(b'{"index":{"_id":"a","version":9,"version_type":"external_gte"}}\n{"n":9}\n', 1, 0)]
        older = b'{"index":{"_id":"%s","version":5,"version_type":"external_gte"}}\n{"n":5}\n'
        assert load(to(url), INDEX, newer) == Loaded(1, {})
        assert load(to(url), INDEX, [Body(older % b"a" + older % b"b", 2, 0)]) == Loaded(1, {}, stale=1)
    assert held(taken) == {"a": {"n": 9}, "b": {"n": 5}}


# --- giving up --------------------------------------------------------------------------------------------------------


def test_an_endpoint_that_never_takes_anything_is_given_up() -> None:
    """After a bounded number of growing waits the load fails, naming the endpoint."""
    clock = StillClock()
    with (
        endpoint() as (url, _),
        proxy(url, lambda *_: refused(429)) as behind,
        pytest.raises(TargetError, match=r"127\.0\.0\.1:\d+: it is busy \(429\)"),
    ):
        load(to(behind, clock), INDEX, sent(10, limit=1 << 20))
    assert clock.slept == sorted(clock.slept)
    assert len(clock.slept) == 7
    assert len({round(seconds, 6) for seconds in clock.slept}) == 7, "chance has its part"


def test_one_that_takes_a_little_each_time_is_not_given_up() -> None:
    """What counts is whether anything is taken between two last waits, not how often it pushes back."""
    seen: list[int] = []

    def choose(_one: Passing, times: int) -> Fault:
        seen.append(times)
        return some_pushed_back

    with endpoint() as (url, taken), proxy(url, choose, seed=11) as behind:
        assert load(to(behind), INDEX, sent(2000, limit=1 << 20, rows=2000)) == Loaded(2000, {})
    assert len(held(taken)) == 2000
    assert len(seen) > 8


def test_an_error_of_the_rows_ends_the_load() -> None:
    """What cannot be made into bodies is raised as it is, when what was under way has ended."""

    def broken() -> Iterator[Body]:
        yield from sent(100)
        raise DataRefused("a row has no key")

    with endpoint() as (url, taken), pytest.raises(DataRefused, match="no key"):
        load(to(url), INDEX, broken())
    assert taken.at_once == 0


def test_whoever_interrupts_a_load_need_not_wait() -> None:
    """Ctrl-C while requests are under way: it is raised at once, and nothing more is sent."""
    go = threading.Event()

    def held_back(one: Passing) -> None:
        go.wait(20)
        passed(one)

    def interrupted() -> Iterator[Body]:
        yield from islice(sent(1000, limit=2000), BODIES)
        raise KeyboardInterrupt

    with endpoint() as (url, _), proxy(url, lambda *_: held_back) as behind:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            load(to(behind), INDEX, interrupted())
        seconds = time.monotonic() - began
        go.set()
    assert seconds < 10, "nobody has waited for the answers"


# --- pace, memory, connections ----------------------------------------------------------------------------------------


def test_the_pace_grows_by_one_a_round_and_is_halved_once_a_push() -> None:
    """Requests that were pushed back together are one sign; it never falls below one, nor grows beyond the most."""
    pace = Pace(8)
    for _ in range(50):
        with pace.request():
            pass
    assert pace.allowed == 8

    def pushed(together: int) -> None:
        with suppress(TryAgain), ExitStack() as turns:
            for _ in range(together):
                turns.enter_context(pace.request())
            raise TryAgain(TargetError("busy"))

    pushed(5)
    assert pace.allowed == 4
    pushed(2)
    assert pace.allowed == 2
    for _ in range(5):
        pushed(1)
    assert pace.allowed == 1
    with pace.request():
        pass
    assert pace.allowed == 2


def test_an_endpoint_that_bears_one_request_gets_one_at_a_time() -> None:
    """One that pushes back whenever two are there at once ends with every document."""
    busy, lock = [0], threading.Lock()

    def choose(_one: Passing, _times: int) -> Fault:
        def alone(one: Passing) -> None:
            with lock:
                busy[0] += 1
                crowded = busy[0] > 1
            (refused(429) if crowded else passed)(one)
            with lock:
                busy[0] -= 1

        return alone

    with endpoint() as (url, taken), proxy(url, choose) as behind:
        assert load(to(behind), INDEX, sent(1000)) == Loaded(1000, {})
    assert held(taken) == expected(1000)
    assert taken.most_at_once == 1


def test_no_more_bodies_are_made_than_may_be_in_memory() -> None:
    """While the endpoint answers nothing, whoever makes bodies waits."""
    made: list[int] = []
    waiting: list[int] = []
    go = threading.Event()

    def held_back(one: Passing) -> None:
        waiting.append(one.handler.client_address[1])
        go.wait(20)
        passed(one)

    def counted() -> Iterator[Body]:
        for body in sent(1000, limit=2000):
            made.append(body.rows)
            yield body

    with endpoint() as (url, taken), proxy(url, lambda *_: held_back) as behind:
        worker = threading.Thread(target=load, args=(to(behind), INDEX, counted()))
        worker.start()
        until = time.monotonic() + 20
        while (len(made) <= BODIES or len(waiting) < 2) and time.monotonic() < until:
            worker.join(0.01)
        worker.join(0.2)  # time enough for one too many
        before, together = len(made), len(waiting)
        go.set()
        worker.join()
    assert before == BODIES + 1, "those that are under way or wait for their turn, and one that is ready"
    assert together == 2, "it begins with two at once"
    assert len(held(taken)) == 1000


def test_connections_are_kept() -> None:
    """Hundreds of requests go over as many connections as there are requests at once."""
    ports = set()

    def choose(one: Passing, _times: int) -> Fault:
        ports.add(one.handler.client_address[1])
        return passed

    with endpoint() as (url, taken), proxy(url, choose) as behind:
        load(to(behind), INDEX, sent(1000, limit=1000))
    assert taken.requests > 100
    assert len(ports) <= BODIES


def test_bodies_are_compressed_unless_the_endpoint_is_here() -> None:
    """On this machine compressing costs more than it saves; the contract may say otherwise."""
    packed = []

    def choose(one: Passing, _times: int) -> Fault:
        packed.append(one.packed)
        return passed

    with endpoint() as (url, _), proxy(url, choose) as behind:
        load(to(behind), INDEX, sent(50, limit=1 << 20))
        load(to(behind, compress=True), INDEX, sent(50, limit=1 << 20))
    assert packed == [False, True]
    assert open_endpoint("https://search.example.com", StillClock()).compress
    assert not open_endpoint("http://localhost:9200", StillClock()).compress


# --- everything at once -----------------------------------------------------------------------------------------------


def run_with_faults(url: str, taken: Taken, seed: int) -> int:
    """One load through a proxy that fails at random, checked; how many requests it took."""
    random = Random(seed)
    rows, limit, largest = random.randint(1, 400), random.randint(800, 6000), random.randint(600, 8000)
    share = random.choice([0.1, 0.3, 0.5])
    faults = [
        *(refused(status) for status in (429, 502, 503, 504)),
        refused(503, b"<html>Service Unavailable</html>"),
        reset_before,
        reset_after,
        cut_off,
        half,
        some_pushed_back,
        said_to_be_pushed_back,
        twice,
    ]
    late = slow(0.4)

    def choose(one: Passing, times: int) -> Fault:
        if one.random.random() >= share or times > 4:  # one that never takes a body is given up, and rightly
            return only_up_to(largest)
        return late if one.random.random() < 0.03 else one.random.choice(faults)

    before = taken.requests
    index = f"run-{seed}"
    with proxy(url, choose, seed) as behind:
        target = to(behind, timeout=0.25, compress=random.random() < 0.5)
        loaded = load(target, index, sent(rows, limit, rows=random.randint(1, 200)), requests=random.randint(1, BODIES))
    assert loaded == Loaded(rows, {})
    assert held(taken, index) == expected(rows)
    return taken.requests - before


def test_a_faulty_way_to_a_real_node(node: str) -> None:
    """The same before a real OpenSearch: every document of the Parquet is there once, as it was sent."""
    random = Random(2)
    faults = [refused(429), refused(503), reset_before, reset_after, cut_off, half, some_pushed_back, twice]

    def choose(one: Passing, times: int) -> Fault:
        return one.random.choice(faults) if times < 4 and one.random.random() < 0.4 else only_up_to(5000)

    real = to(node)
    for seed in range(5):
        print("seed", seed)
        index, rows = f"faulty-{seed}", random.randint(100, 1000)
        with proxy(node, choose, seed) as behind:
            assert load(to(behind, compress=seed % 2 == 0), index, sent(rows, random.randint(2000, 9000))) == Loaded(
                rows, {}
            )
        real.ask("POST", f"/{index}/_refresh")
        hits = real.ask("POST", f"/{index}/_search", {"size": 10_000})["hits"]["hits"]
        assert len(hits) == rows
        assert {hit["_id"]: hit["_source"] for hit in hits} == expected(rows)
        real.ask("DELETE", f"/{index}")


def many_runs(seeds: range) -> None:
    """Runs with faults, one a seed."""
    with endpoint() as (url, taken):
        for seed in seeds:
            print("seed", seed)
            run_with_faults(url, taken, seed)


def test_a_faulty_endpoint_loses_and_doubles_nothing() -> None:
    """Whatever goes wrong in whatever order, the index ends with every document of the Parquet once."""
    many_runs(range(10))


@pytest.mark.slow
def test_a_faulty_endpoint_loses_and_doubles_nothing_in_200_runs() -> None:
    """The same, for longer."""
    many_runs(range(10, 210))
