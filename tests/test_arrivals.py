"""Whatever way a file comes, it is numbered once, belongs to one day, and is read when it is whole."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from commands import posicional
from posicional.backends.duckdb import DuckDbEngine
from posicional.day.facts import RunClaim, RunEnd, Seen
from posicional.day.keys import REJECTED
from posicional.day.report import report
from posicional.errors import ContractError, DataRefused, NotDone, StoreError, UsageError
from posicional.ports import Outside, Source, Store, StoredObject
from posicional.steps.advance import Outcome, advance, peek
from posicional.steps.backfill import plan
from posicional.steps.days import open_days
from posicional.steps.decide import accept
from posicional.steps.incoming import incoming
from posicional.steps.overdue import overdue_days
from test_advance import Around, Busy, Replacing, rows_of
from tiny_s3 import TinyS3
from worlds import (
    CONTRATOS,
    DAY,
    FEED,
    ToldClock,
    clientes,
    contratos,
    new_store,
    outside_of,
    s3_store,
    send,
    write_feed,
)

CONTRATOS_NAME, CLIENTES_NAME = "CONTRATOS_20261122.txt", "CLIENTES_20261122.txt"

LEFT = """\
select c.numero, c.plano, l.uf
from contratos c left join clientes l on l.cpf = c.cpf
where c.plano <> 'BASICO'
"""


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    return new_store(request.param, tmp_path)


def world(store: Store, clock: ToldClock | None = None) -> Outside:
    """An outside with the real engine."""
    return outside_of(store, clock, engine=DuckDbEngine)


def feed_with(contratos: str = "", clientes: str = "", **patterns: str) -> str:
    """The text of the feed of two files, with more words for each, and other patterns."""
    text = FEED.replace('    owner: "mainframe-ops@example.com"\n', contratos)
    text = text.replace("    layout: clientes.yaml\n", f"    layout: clientes.yaml\n{clientes}")
    for name, pattern in patterns.items():
        text = text.replace(f"{name.removesuffix('_name').upper()}_{{date:%Y%m%d}}.txt", pattern)
    return text


def arrivals_of(outcome: Outcome, file: str) -> list[str]:
    """What became of each arrival of a file, in their order."""
    found = outcome.day.files[file]
    return [found.status(one) for one in found.arrivals]


def numbers(outcome: Outcome, store: Store) -> list[str]:
    """The contracts that the dataset of the current run holds."""
    return [row["numero"] for row in rows_of(store, outcome.day, "ativos")]


@dataclass
class Counting(Around):
    """A real store that counts what is asked of it."""

    calls: Counter[str] = field(default_factory=Counter)

    def create(self, key: str, data: bytes) -> None:
        """Count, and write."""
        self.calls["create"] += 1
        self.real.create(key, data)

    def read(self, key: str) -> bytes:
        """Count, and read."""
        self.calls["read"] += 1
        return self.real.read(key)

    def head(self, key: str) -> StoredObject:
        """Count, and look."""
        self.calls["head"] += 1
        return self.real.head(key)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Count, and list."""
        self.calls["list"] += 1
        return self.real.list(prefix)

    def source(self, found: StoredObject) -> Source:
        """Count, and open."""
        self.calls["source"] += 1
        return self.real.source(found)


MIDNIGHT = datetime(2026, 11, 22, 3, tzinfo=UTC)
"""In Brasília."""

# Optional files.

OPTIONAL = feed_with(clientes='    required: false\n    wait_until: "10:00"\n')
AT_NINE, AT_TEN = (datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in (12, 13))  # in Brasília


def test_an_optional_file_is_waited_for_and_then_empty(store: Store, tmp_path: Path) -> None:
    """Until its `wait_until` the gate stays shut; then its table has no row, and the columns of its layout."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    waiting = advance(feed, DAY, world(store, ToldClock(AT_NINE)))
    assert (waiting.rest.why, waiting.rest.files, waiting.rest.until) == ("waiting", ("clientes",), AT_TEN)
    assert isinstance(waiting.problem, NotDone)
    done = advance(feed, DAY, world(store, ToldClock(AT_TEN)))
    assert (done.rest.why, done.problem, [run.status for run in done.day.runs]) == ("done", None, ["succeeded"])
    assert rows_of(store, done.day, "ativos") == [
        {"numero": "000000", "plano": "OURO", "uf": None},
        {"numero": "000002", "plano": "PRATA", "uf": None},
    ]


def test_the_end_of_a_run_names_the_tables_that_were_empty(store: Store, tmp_path: Path) -> None:
    """So their parts count, and nothing lies in the store that no fact names."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    day = advance(feed, DAY, world(store, ToldClock(AT_TEN))).day
    assert day.run is not None
    assert isinstance(day.run.end, RunEnd)
    assert [(part.table, part.rows) for part in day.run.end.absent] == [("clientes", 0)]
    named = {part.key for made in day.run.end.datasets.values() for part in made.parts}
    named |= {part.key for part in day.run.end.absent}
    assert {found.key for found in store.list("dados-processados/")} == named


def test_an_optional_file_that_is_here_is_not_waited_for(store: Store, tmp_path: Path) -> None:
    """With all files there the gate opens long before."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    send(store, CLIENTES_NAME, clientes())
    day = advance(feed, DAY, world(store, ToldClock(AT_NINE))).day
    assert [row["uf"] for row in rows_of(store, day, "ativos")] == ["SP", "SP"]


def test_an_optional_file_that_comes_late_leads_to_run_2(store: Store, tmp_path: Path) -> None:
    """The day has gone on without it; then it is other content, as a correction is."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    advance(feed, DAY, world(store, ToldClock(AT_TEN)))
    send(store, CLIENTES_NAME, clientes())
    day = advance(feed, DAY, world(store, ToldClock(AT_TEN + timedelta(hours=5)))).day
    assert [run.status for run in day.runs] == ["succeeded", "succeeded"]
    assert [row["uf"] for row in rows_of(store, day, "ativos")] == ["SP", "SP"]


def test_without_wait_until_nobody_waits(store: Store, tmp_path: Path) -> None:
    """`required: false` alone: the required files open the gate."""
    feed = write_feed(tmp_path / "feed", feed=feed_with(clientes="    required: false\n"), ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    assert advance(feed, DAY, world(store, ToldClock(AT_NINE))).problem is None


def test_an_absent_file_of_several_kinds(store: Store, tmp_path: Path) -> None:
    """Each of its tables is empty, that of a control record too."""
    kinds = """\
record: {length: 10}
records:
  header: {when: {pos: [1, 1], is: "0"}, table: true, fields: [{name: dia, width: 10, type: string}]}
  a: {when: {pos: [1, 1], is: "1"}, fields: [{name: cpf, width: 10, type: string}]}
  b: {when: {pos: [1, 1], is: "2"}, fields: [{name: n, width: 10, type: integer}]}
"""
    sql = (
        "select c.numero, c.plano, a.cpf, b.n, h.dia from contratos c left join clientes_a a on a.cpf = c.cpf "
        "left join clientes_b b on b.n = 1 left join clientes_header h on h.dia = c.plano"
    )
    feed = write_feed(tmp_path / "feed", feed=feed_with(clientes="    required: false\n"), clientes=kinds, ativos=sql)
    send(store, CONTRATOS_NAME, contratos())
    outcome = advance(feed, DAY, world(store))
    assert outcome.problem is None
    assert len(rows_of(store, outcome.day, "ativos")) == 3


def test_a_required_file_stays_missing(store: Store, tmp_path: Path) -> None:
    """Only the optional one is done without."""
    feed = write_feed(tmp_path / "feed", feed=OPTIONAL, ativos=LEFT)
    send(store, CLIENTES_NAME, clientes())
    outcome = advance(feed, DAY, world(store, ToldClock(AT_TEN)))
    assert (outcome.rest.why, outcome.rest.files) == ("missing", ("contratos",))
    assert outcome.rest.text == "1 of 1 files missing: contratos"


# Dates that are not in the name.

HEADER = feed_with(contratos="    date: {from: header.data_ref}\n", contratos_name="CONTRATOS*.txt")
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)


def test_the_date_in_the_header(store: Store, tmp_path: Path) -> None:
    """Each object goes to the day that its header says, whatever its name."""
    feed = write_feed(tmp_path / "feed", feed=HEADER)
    send(store, "CONTRATOS_A.txt", contratos(["OURO"], YESTERDAY))
    send(store, "CONTRATOS_B.txt", contratos())
    send(store, CLIENTES_NAME, clientes())
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, arrivals_of(outcome, "contratos")) == (None, ["converted"])
    assert numbers(outcome, store) == ["000000", "000002"]
    yesterday = advance(feed, YESTERDAY, world(store))
    assert (yesterday.rest.files, arrivals_of(yesterday, "contratos")) == (("clientes",), ["converted"])


def test_one_name_for_every_day(store: Store, tmp_path: Path) -> None:
    """A sender that replaces the same name each day: each version is of its own day, and no day takes another's."""
    feed = write_feed(tmp_path / "feed", feed=HEADER)
    send(store, CLIENTES_NAME, clientes())
    send(store, "CONTRATOS.txt", contratos())
    assert advance(feed, DAY, world(store)).problem is None
    send(store, "CONTRATOS.txt", contratos(["OURO"], TOMORROW))
    again = advance(feed, DAY, world(store))
    assert (again.did, arrivals_of(again, "contratos")) == (False, ["converted"])
    assert arrivals_of(advance(feed, TOMORROW, world(store)), "contratos") == ["converted"]


def test_a_header_is_read_once(tmp_path: Path) -> None:
    """Of ten objects each is opened once for its header, and the day's own once more to be converted.

    Later looks, whichever day asks, open nothing: what the headers said stands in the names of facts.
    """
    feed = write_feed(tmp_path / "feed", feed=HEADER)
    store = Counting(new_store("memory", tmp_path))
    for back in range(10):
        send(store.real, f"CONTRATOS_{back}.txt", contratos(day=DAY - timedelta(days=back)))
    advance(feed, DAY, world(store))
    assert store.calls["source"] == 11
    store.calls.clear()
    advance(feed, DAY, world(store))
    assert (store.calls["source"], store.calls["create"], store.calls["read"]) == (0, 0, 2)
    assert store.calls["list"] == 3  # what arrived, the dates, the day's facts


def test_whoever_only_looks_writes_nothing(tmp_path: Path) -> None:
    """The open days, the plan of many days, and the days that are late: what headers say is not written down there."""
    feed = write_feed(tmp_path / "feed", feed=HEADER)
    store = Counting(new_store("memory", tmp_path))
    send(store.real, "CONTRATOS.txt", contratos())
    clock = ToldClock(datetime(DAY.year, DAY.month, DAY.day, 15, tzinfo=UTC))
    lines, _ = open_days(feed, world(store, clock))
    assert [(line.date, line.new) for line in lines] == [(str(DAY), 1)]
    assert [one.day.date for one in plan(feed, DAY, DAY, world(store, clock)).work] == [DAY]
    assert overdue_days(feed, world(store, clock)) == ()
    assert store.calls["create"] == 0
    advance(feed, DAY, world(store, clock))
    assert store.calls["create"] == 3


def test_a_header_that_cannot_be_read_is_reported(store: Store, tmp_path: Path) -> None:
    """The object is of no day: it is named with the reason, until the layout is mended."""
    feed = write_feed(tmp_path / "feed", feed=HEADER)
    send(store, "CONTRATOS_A.txt", contratos()[31:])
    send(store, "CONTRATOS_B.txt", b"")
    send(store, "CONTRATOS_C.txt", contratos().replace(b"020261122", b"020261399"))
    send(store, CLIENTES_NAME, clientes())
    outcome = advance(feed, DAY, world(store))
    why = "no header.data_ref with a date can be read at its beginning"
    assert outcome.undated == tuple(f"CONTRATOS_{name}.txt: {why}" for name in "ABC")
    assert (outcome.rest.files, outcome.unknown) == (("contratos",), ())
    assert isinstance(outcome.problem, NotDone)
    assert why in outcome.problem.hint
    mended = write_feed(
        tmp_path / "mended", feed=HEADER, contratos=CONTRATOS.replace('"%Y%m%d"', '"%Y%m99"').replace("99", "%d", 1)
    )
    assert advance(mended, DAY, world(store)).undated == outcome.undated


def test_a_header_of_a_month_and_a_mended_layout(store: Store, tmp_path: Path) -> None:
    """In a monthly feed the header's day is of its month; a header that a mended layout can read is read again."""
    monthly = HEADER.replace("days: daily", "days: monthly").replace("CLIENTES_{date:%Y%m%d}", "CLIENTES_{date:%Y%m}")
    wrong = CONTRATOS.replace('format: "%Y%m%d"', 'format: "%d%m%Y"').replace("    check:", "    #")
    send(store, "CONTRATOS_A.txt", contratos())
    send(store, "CLIENTES_202611.txt", clientes())
    month = DAY.replace(day=1)
    before = advance(write_feed(tmp_path / "a", feed=monthly, contratos=wrong), month, world(store))
    assert [text.partition(":")[0] for text in before.undated] == ["CONTRATOS_A.txt"]
    right = CONTRATOS.replace("    check:", "    #")
    after = advance(write_feed(tmp_path / "b", feed=monthly, contratos=right), month, world(store))
    assert (after.problem, after.undated) == (None, ())


def test_a_file_whose_header_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """It grows while it is looked at: its header is not read, and it is named as still being written."""
    feed = write_feed(tmp_path / "feed", feed=HEADER)
    folder = new_store("folder", tmp_path)
    send(folder, CLIENTES_NAME, clientes())
    send(folder, "CONTRATOS_A.txt", contratos()[:9])
    path = Path(folder.locate("dados-posicionais/CONTRATOS_A.txt"))

    def grow() -> None:
        path.write_bytes(path.read_bytes() + b" ")

    outcome = advance(feed, DAY, outside_of(folder, Busy(write=grow)))
    assert (outcome.growing, outcome.undated, outcome.rest.files) == (("CONTRATOS_A.txt",), (), ("contratos",))
    assert list(folder.list("controle/saude/dates/")) == []
    path.write_bytes(contratos())
    assert advance(feed, DAY, world(folder)).problem is None


def test_two_objects_whose_headers_say_the_same_day(store: Store, tmp_path: Path) -> None:
    """Their names say nothing of which is the later one: the second is ambiguous."""
    feed = write_feed(tmp_path / "feed", feed=HEADER)
    send(store, "CONTRATOS_A.txt", contratos(["OURO"]))
    send(store, CLIENTES_NAME, clientes())
    advance(feed, DAY, world(store))
    send(store, "CONTRATOS_B.txt", contratos())
    outcome = advance(feed, DAY, world(store))
    assert arrivals_of(outcome, "contratos") == ["converted", "refused"]
    assert numbers(outcome, store) == ["000000"]


ARRIVAL = feed_with(clientes='    date: {from: arrival, cutoff: "18:00"}\n', clientes_name="CLIENTES*.txt")


@pytest.mark.parametrize(
    ("clock", "days", "day"),
    [
        ("2026-11-20 17:59:59", "daily", "2026-11-20"),
        ("2026-11-20 18:00:00", "daily", "2026-11-21"),
        ("2026-11-20 18:00:00", "weekdays", "2026-11-23"),
        ("2026-11-21 09:00:00", "weekdays", "2026-11-23"),
        ("2026-11-30 18:00:00", "monthly", "2026-12-01"),
        ("2026-11-20 23:30:00", "monthly", "2026-11-01"),
    ],
)
def test_the_date_of_arrival(tmp_path: Path, clock: str, days: str, day: str) -> None:
    """The local day; from the cutoff on the next; a business date always; in a monthly feed the month."""
    text = ARRIVAL.replace("days: daily", f"days: {days}")
    text = text.replace("CONTRATOS_{date:%Y%m%d}", "CONTRATOS_{date:%Y%m}") if days == "monthly" else text
    feed = write_feed(tmp_path / "feed", feed=text)
    folder = new_store("folder", tmp_path)
    send(folder, "CLIENTES.txt", clientes())
    moment = datetime.fromisoformat(clock).replace(tzinfo=feed.timezone).timestamp()
    os.utime(folder.locate("dados-posicionais/CLIENTES.txt"), (moment, moment))
    outcome = advance(feed, date.fromisoformat(day), world(folder))
    assert arrivals_of(outcome, "clientes") == ["converted"]


def test_the_same_name_on_the_next_day(tmp_path: Path) -> None:
    """Yesterday's arrival stays yesterday's; the version of today is today's."""
    feed = write_feed(tmp_path / "feed", feed=ARRIVAL)
    folder = new_store("folder", tmp_path)
    path = Path(folder.locate("dados-posicionais/CLIENTES.txt"))
    for hour, data in ((10, clientes()), (34, clientes()[:21])):
        send(folder, "CLIENTES.txt", data)
        os.utime(path, ((moment := (MIDNIGHT + timedelta(hours=hour)).timestamp()), moment))
        for day in (DAY, TOMORROW):
            outcome = advance(feed, day, world(folder))
            expected = 1 if day == DAY or hour == 34 else 0
            assert len(outcome.day.files["clientes"].arrivals) == expected, (hour, day)


# Files in parts.


def part(plans: Sequence[str], first: int) -> bytes:
    """A part whose contracts are numbered from `first` on."""
    lines = contratos(plans).splitlines(keepends=True)
    for number in range(len(plans)):
        lines[number + 1] = b"1%06d" % (first + number) + lines[number + 1][7:]
    return b"".join(lines)


PARTS = feed_with(contratos="    parts: {count: 2}\n", contratos_name="CONTRATOS_{date:%Y%m%d}_{part}.txt")
FIRST, SECOND = "CONTRATOS_20261122_1.txt", "CONTRATOS_20261122_2.txt"


def test_a_file_in_parts_is_one_arrival(store: Store, tmp_path: Path) -> None:
    """It is missing until all parts are here, and says how many are; then each is read as a file of its own."""
    feed = write_feed(tmp_path / "feed", feed=PARTS, ativos="select numero, plano, _file as uf from contratos")
    send(store, CLIENTES_NAME, clientes())
    send(store, SECOND, part(["PRATA"], 5))
    waiting = advance(feed, DAY, world(store))
    assert (waiting.rest.files, arrivals_of(waiting, "contratos")) == (("contratos",), [])
    assert waiting.unfinished == (f"contratos: 1 of 2 parts are here: {SECOND}",)
    assert isinstance(waiting.problem, NotDone)
    assert "1 of 2 parts" in waiting.problem.hint
    send(store, FIRST, contratos(["OURO", "BASICO"]))
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, arrivals_of(outcome, "contratos")) == (None, ["converted"])
    assert [(row["plano"], row["uf"]) for row in rows_of(store, outcome.day, "ativos")] == [
        ("OURO", FIRST),
        ("BASICO", FIRST),
        ("PRATA", SECOND),
    ]
    file = outcome.day.files["contratos"]
    seen, done = file.arrivals[0].seen, file.done(file.arrivals[0])
    assert isinstance(seen, Seen)
    assert ([part.key for part in seen.parts], seen.version) == (
        [f"dados-posicionais/{name}" for name in (FIRST, SECOND)],
        2,
    )
    assert done is not None
    assert (done.account.records, done.account.rows, done.tables, done.size) == (7, 3, {"contratos": 3}, seen.size)


def test_a_part_that_is_replaced_makes_another_set(store: Store, tmp_path: Path) -> None:
    """A correction of one part is the next arrival, with the other part as it was."""
    feed = write_feed(tmp_path / "feed", feed=PARTS)
    send(store, CLIENTES_NAME, clientes())
    send(store, FIRST, contratos(["OURO"]))
    send(store, SECOND, part(["OURO"], 5))
    advance(feed, DAY, world(store))
    send(store, SECOND, contratos(["BASICO"]))
    outcome = advance(feed, DAY, world(store))
    assert (arrivals_of(outcome, "contratos"), numbers(outcome, store)) == (["converted"] * 2, ["000000"])
    assert not advance(feed, DAY, world(store)).did


def test_the_trailer_of_each_part_counts(store: Store, tmp_path: Path) -> None:
    """One part whose trailer does not agree refuses the whole set, by its name."""
    feed = write_feed(tmp_path / "feed", feed=PARTS)
    send(store, FIRST, contratos())
    send(store, SECOND, contratos(counted=9))
    outcome = advance(feed, DAY, world(store))
    (text,) = outcome.day.files["contratos"].refusal
    assert text.startswith(f"{SECOND}: the trailer")


def test_rejects_are_tolerated_over_all_parts(store: Store, tmp_path: Path) -> None:
    """One bad record in ten of the whole, though it is a fourth of its part."""
    text = PARTS.replace("    parts:", "    max_rejects: 10%\n    parts:")
    feed = write_feed(tmp_path / "feed", feed=text)
    send(store, FIRST, contratos(["OURO"] * 4))
    send(store, SECOND, contratos(["OURO", "X"]).replace(b"1000001", b"1      "))
    outcome = advance(feed, DAY, world(store))
    file = outcome.day.files["contratos"]
    assert file.current is not None
    done = file.done(file.current)
    assert done is not None
    assert (done.account.rejects, done.account.records, len(done.rejects)) == (1, 10, 1)
    strict = write_feed(tmp_path / "strict", feed=text.replace("10%", "9%"))
    why, where = advance(strict, DAY, world(store)).day.files["contratos"].refusal
    assert why.startswith("1 of 10 records are rejected")
    assert where == f"{SECOND}: line 3, numero 2-7: required"


def test_a_refusal_is_told_without_its_first_reject_where_that_cannot_be_read(store: Store, tmp_path: Path) -> None:
    """A right that is missing, to read rejects again, must not keep the file from being refused."""

    class Unreadable(Around):
        def head(self, key: str) -> StoredObject:
            if key.startswith(REJECTED):
                raise StoreError("access denied", where=key)
            return self.real.head(key)

    feed = write_feed(tmp_path / "feed")
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos(["OURO"]).replace(b"1000000", b"1      "))
    (why,) = advance(feed, DAY, world(Unreadable(store))).day.files["contratos"].refusal
    assert why.startswith("1 of 3 records are rejected")


def test_too_many_parts_and_parts_twice_are_ambiguous(store: Store, tmp_path: Path) -> None:
    """The complete set stays current; what came besides is refused with the names, and can be withdrawn."""
    text = PARTS.replace("CONTRATOS_{date", "*CONTRATOS_{date")
    feed = write_feed(tmp_path / "feed", feed=text)
    send(store, CLIENTES_NAME, clientes())
    send(store, FIRST, contratos(["OURO"]))
    send(store, SECOND, part(["OURO"], 5))
    advance(feed, DAY, world(store))
    send(store, "CONTRATOS_20261122_3.txt", contratos(["OURO"]))
    outcome = advance(feed, DAY, world(store))
    assert (arrivals_of(outcome, "contratos"), len(outcome.day.runs)) == (["converted", "refused"], 1)
    assert outcome.day.files["contratos"].refusal[0].startswith("3 parts are here, expected 2")
    store.delete("dados-posicionais/CONTRATOS_20261122_3.txt")
    send(store, f"NOVO_{SECOND}", contratos(["PRATA"]))
    outcome = advance(feed, DAY, world(store))
    assert f"NOVO_{SECOND} and {SECOND} are both part 2" in " ".join(outcome.day.files["contratos"].refusal)
    store.delete(f"dados-posicionais/NOVO_{SECOND}")
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, len(outcome.day.runs)) == (None, 1)


def test_ten_parts_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Ten comes behind two."""
    text = PARTS.replace("count: 2", "count: 11")
    feed = write_feed(tmp_path / "feed", feed=text)
    store = new_store("memory", tmp_path)
    for number in range(11, 0, -1):
        send(store, f"CONTRATOS_20261122_{number}.txt", contratos(["OURO"]))
    seen = advance(feed, DAY, world(store)).day.files["contratos"].arrivals[0].seen
    assert isinstance(seen, Seen)
    assert [part.key.rpartition("_")[2] for part in seen.parts] == [f"{number}.txt" for number in range(1, 12)]


ENDED = PARTS.replace("count: 2", 'marker: "CONTRATOS_{date:%Y%m%d}_FIM"')
END = "CONTRATOS_20261122_FIM"


def test_a_marker_behind_the_parts(tmp_path: Path) -> None:
    """However many they are, the set is whole when the marker is there, and not older than any of them."""
    feed = write_feed(tmp_path / "feed", feed=ENDED.replace("_{part}.txt", "_{part}"))
    store = new_store("folder", tmp_path)
    first, second = (Path(name).stem for name in (FIRST, SECOND))

    def sent(name: str, data: bytes, minute: int) -> None:
        send(store, name, data)
        moment = (MIDNIGHT + timedelta(minutes=minute)).timestamp()
        os.utime(store.locate(f"dados-posicionais/{name}"), (moment, moment))

    sent(CLIENTES_NAME, clientes(), 0)
    sent(first, contratos(["OURO"]), 1)
    waiting = advance(feed, DAY, world(store))
    assert waiting.unfinished == (f"contratos: 1 parts are here and wait for {END}",)
    sent(END, b"", 2)
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, outcome.unknown, numbers(outcome, store)) == (None, (), ["000000"])
    sent(second, contratos(["BASICO", "PRATA"]), 3)
    sent(first, contratos(["BASICO", "BASICO", "OURO"]), 4)
    half = advance(feed, DAY, world(store))
    assert half.did is False
    assert half.unfinished == (f"contratos: {END} is older than {first}: it says nothing of it, send it again",)
    sent(END, b"", 5)
    whole = advance(feed, DAY, world(store))
    assert (arrivals_of(whole, "contratos"), numbers(whole, store)) == (["converted"] * 2, ["000001", "000002"])


def test_versions_of_a_set_are_sets_of_their_own(store: Store, tmp_path: Path) -> None:
    """The parts of one version are never mixed with those of another; the later version counts."""
    text = PARTS.replace("_{part}.txt", "_v{version}_{part}.txt")
    feed = write_feed(tmp_path / "feed", feed=text)
    send(store, CLIENTES_NAME, clientes())
    for number in (1, 2):
        send(store, f"CONTRATOS_20261122_v10_{number}.txt", part(["OURO"], number))
    assert advance(feed, DAY, world(store)).problem is None
    send(store, "CONTRATOS_20261122_v11_1.txt", contratos(["PRATA"]))
    waiting = advance(feed, DAY, world(store))
    assert (waiting.did, arrivals_of(waiting, "contratos")) == (False, ["converted"])
    assert waiting.unfinished == ("contratos: 1 of 2 parts are here: CONTRATOS_20261122_v11_1.txt",)


# Markers.

MARKED = feed_with(contratos='    marker: "{name}.ok"\n')


def test_a_file_counts_when_its_marker_is_there(store: Store, tmp_path: Path) -> None:
    """Without it the file is missing, with its reason; the marker itself is no unknown name."""
    feed = write_feed(tmp_path / "feed", feed=MARKED)
    send(store, CLIENTES_NAME, clientes())
    send(store, CONTRATOS_NAME, contratos())
    waiting = advance(feed, DAY, world(store))
    assert (waiting.rest.files, arrivals_of(waiting, "contratos")) == (("contratos",), [])
    assert waiting.unfinished == (f"contratos: {CONTRATOS_NAME} waits for {CONTRATOS_NAME}.ok",)
    send(store, f"{CONTRATOS_NAME}.ok", b"")
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, outcome.unknown, outcome.unfinished) == (None, (), ())


def test_a_marker_of_no_file_is_unknown(store: Store, tmp_path: Path) -> None:
    """Only what marks a name of a file is a marker."""
    feed = write_feed(tmp_path / "feed", feed=MARKED)
    for name in ("OUTRO.txt.ok", f"{CLIENTES_NAME}.ok", f"{CONTRATOS_NAME}.ok"):
        send(store, name, b"")
    assert advance(feed, DAY, world(store)).unknown == (f"{CLIENTES_NAME}.ok", "OUTRO.txt.ok")


# Versions, duplicates, corrections.


@contextmanager
def versioned_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, TinyS3]]:
    """An empty bucket that keeps versions."""
    with s3_store(monkeypatch) as (store, server):
        server.versioned = True
        yield store, server


@pytest.fixture(params=["folder", "memory", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store of each kind, S3 too."""
    if request.param == "s3":
        with versioned_bucket(monkeypatch) as (store, _):
            yield store
    else:
        yield new_store(request.param, tmp_path)


def test_content_that_comes_back_is_a_correction_too(any_store: Store, tmp_path: Path) -> None:
    """A, then B, then A again: three arrivals and three runs, and the last one is of A."""
    feed = write_feed(tmp_path / "feed")
    send(any_store, CLIENTES_NAME, clientes())
    for count, plans in enumerate((["OURO"], ["OURO", "PRATA"], ["OURO"]), 1):
        send(any_store, CONTRATOS_NAME, contratos(plans))
        outcome = advance(feed, DAY, world(any_store))
        assert arrivals_of(outcome, "contratos") == ["converted"] * count
        assert [run.status for run in outcome.day.runs] == ["succeeded"] * count
        assert len(numbers(outcome, any_store)) == len(plans)
    dones = [outcome.day.files["contratos"].done(one) for one in outcome.day.files["contratos"].arrivals]
    hashes = [done.sha256 for done in dones if done]
    assert (hashes[0], len(set(hashes))) == (hashes[2], 2)


def test_nothing_new_costs_three_calls(any_store: Store, tmp_path: Path) -> None:
    """A finished day that is asked for again: one listing of what arrived, one of the facts, and each fact once."""
    feed = write_feed(tmp_path / "feed")
    send(any_store, CONTRATOS_NAME, contratos())
    send(any_store, CLIENTES_NAME, clientes())
    advance(feed, DAY, world(any_store))
    store = Counting(any_store)
    outcome = advance(feed, DAY, world(store))
    assert (outcome.did, outcome.rest.why) == (False, "done")
    facts = len(list(any_store.list(f"controle/saude/{DAY}/")))
    assert store.calls == Counter(list=2, read=facts)


def test_an_arrival_costs_the_same_whatever_else_there_is(tmp_path: Path) -> None:
    """The calls for a day do not grow with other days, whether these are processed or only lie there."""
    feed = write_feed(tmp_path / "feed")
    costs = []
    for others in (0, 12):
        store = Counting(new_store("memory", tmp_path))
        for back in range(1, others + 1):
            day = DAY - timedelta(days=back)
            send(store.real, f"CONTRATOS_{day:%Y%m%d}.txt", contratos(day=day))
            send(store.real, f"CLIENTES_{day:%Y%m%d}.txt", clientes())
            if back % 2:
                advance(feed, day, world(store.real))
        send(store.real, CONTRATOS_NAME, contratos())
        send(store.real, CLIENTES_NAME, clientes())
        assert advance(feed, DAY, world(store)).problem is None
        costs.append(store.calls)
    assert costs[0] == costs[1]
    assert costs[0]["create"] == 7  # two arrivals seen and done; a run claimed, started, ended


def test_on_s3_an_arrival_is_a_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is read by the id of its version: what was replaced before it was read is an arrival all the same."""
    feed = write_feed(tmp_path / "feed")
    with versioned_bucket(monkeypatch) as (store, _):
        send(store, CLIENTES_NAME, clientes())
        send(store, CONTRATOS_NAME, contratos(["OURO"]))
        outcome = advance(feed, DAY, world(Replacing(store, CONTRATOS_NAME, contratos(["OURO", "PRATA"]))))
        assert (arrivals_of(outcome, "contratos"), len(numbers(outcome, store))) == (["converted"] * 2, 2)
        seen = [one.seen for one in outcome.day.files["contratos"].arrivals]
        assert [one.object_version for one in seen if isinstance(one, Seen)] == ["version-1", "version-2"]
        send(store, CONTRATOS_NAME, contratos(["OURO", "PRATA"]))
        assert not advance(feed, DAY, world(store)).did  # the same content under another id is the same arrival


def test_a_bucket_without_versions_is_refused_unless_that_is_agreed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a newer object replaces could not be read again; `latest_only` accepts that."""
    with s3_store(monkeypatch) as (store, server):
        send(store, CLIENTES_NAME, clientes())
        send(store, CONTRATOS_NAME, contratos())
        with pytest.raises(UsageError, match="keeps no versions") as caught:
            advance(write_feed(tmp_path / "feed"), DAY, world(store))
        assert "latest_only: true" in caught.value.hint
        assert not [key for key in server.objects if "controle" in key]
        feed = write_feed(tmp_path / "agreed", feed=f"{FEED}latest_only: true\n")
        outcome = advance(feed, DAY, world(Replacing(store, CONTRATOS_NAME, contratos(["OURO"]))))
        assert arrivals_of(outcome, "contratos") == ["superseded", "converted"]
        assert (outcome.problem, numbers(outcome, store)) == (None, ["000000"])


VERSIONED = feed_with(contratos_name="CONTRATOS_{date:%Y%m%d}_v{version}.txt")


def test_the_later_version_counts_whenever_it_came(store: Store, tmp_path: Path) -> None:
    """By the number in the name, not by the order of arrival nor of the letters."""
    feed = write_feed(tmp_path / "feed", feed=VERSIONED)
    send(store, CLIENTES_NAME, clientes())
    send(store, "CONTRATOS_20261122_v10.txt", contratos(["OURO"]))
    send(store, "CONTRATOS_20261122_v9.txt", contratos(["PRATA", "PRATA", "PRATA"]))
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, numbers(outcome, store)) == (None, ["000000"])
    send(store, "CONTRATOS_20261122_v8.txt", contratos(["PRATA"] * 4))
    late = advance(feed, DAY, world(store))
    assert (late.problem, len(late.day.runs), numbers(late, store)) == (None, 1, ["000000"])
    send(store, "CONTRATOS_20261122_v11.txt", contratos(["OURO", "PRATA"]))
    newest = advance(feed, DAY, world(store))
    assert (newest.problem, len(newest.day.runs), len(numbers(newest, store))) == (None, 2, 2)


def test_a_refused_later_version_leaves_the_one_before(store: Store, tmp_path: Path) -> None:
    """Version 2 is bad: version 1 counts, also when it comes last, and the day says what is refused."""
    feed = write_feed(tmp_path / "feed", feed=VERSIONED)
    send(store, CLIENTES_NAME, clientes())
    send(store, "CONTRATOS_20261122_v2.txt", contratos(["OURO"], counted=9))
    assert isinstance(advance(feed, DAY, world(store)).problem, DataRefused)
    send(store, "CONTRATOS_20261122_v1.txt", contratos(["OURO"]))
    outcome = advance(feed, DAY, world(store))
    assert (outcome.day.refused, numbers(outcome, store)) == (("contratos",), ["000000"])


TWO_NAMES = feed_with(contratos_name="*CONTRATOS_{date:%Y%m%d}.txt")


def test_a_correction_of_the_first_object_is_one_whatever_came_besides(store: Store, tmp_path: Path) -> None:
    """The stranger under another name is refused, also when it comes again; the first one's correction counts."""
    feed = write_feed(tmp_path / "feed", feed=TWO_NAMES)
    send(store, CLIENTES_NAME, clientes())
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    advance(feed, DAY, world(store))
    for plans in (["PRATA"], ["PRATA", "PRATA"]):
        send(store, f"NOVO_{CONTRATOS_NAME}", contratos(plans))
        outcome = advance(feed, DAY, world(store))
        assert (outcome.day.refused, numbers(outcome, store)) == (("contratos",), ["000000"])
    send(store, CONTRATOS_NAME, contratos(["BASICO", "OURO"]))
    outcome = advance(feed, DAY, world(store))
    assert arrivals_of(outcome, "contratos") == ["converted", "refused", "refused", "converted"]
    assert (outcome.problem, numbers(outcome, store)) == (None, ["000001"])


def test_an_ambiguous_arrival_can_be_accepted(store: Store, tmp_path: Path) -> None:
    """It has been read, so that a person who says that it counts gets its rows."""
    feed = write_feed(tmp_path / "feed", feed=TWO_NAMES)
    send(store, CLIENTES_NAME, clientes())
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    advance(feed, DAY, world(store))
    send(store, f"NOVO_{CONTRATOS_NAME}", contratos(["BASICO", "PRATA"]))
    advance(feed, DAY, world(store))
    accept(feed, DAY, outside_of(store), file="contratos", why="the new name is right")
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, numbers(outcome, store)) == (None, ["000001"])


def test_a_refused_file_is_replaced_by_a_good_one(any_store: Store, tmp_path: Path) -> None:
    """The next arrival of the same name counts, and nothing is refused any longer."""
    feed = write_feed(tmp_path / "feed")
    send(any_store, CLIENTES_NAME, clientes())
    send(any_store, CONTRATOS_NAME, contratos(counted=9))
    assert isinstance(advance(feed, DAY, world(any_store)).problem, DataRefused)
    send(any_store, CONTRATOS_NAME, contratos())
    outcome = advance(feed, DAY, world(any_store))
    assert (outcome.problem, arrivals_of(outcome, "contratos")) == (None, ["refused", "converted"])


def test_a_refused_file_is_read_again_when_its_layout_is_mended(any_store: Store, tmp_path: Path) -> None:
    """The same arrival, read in another way; both readings stay in the ledger."""
    send(any_store, CLIENTES_NAME, clientes())
    send(any_store, CONTRATOS_NAME, contratos())
    wrong = write_feed(
        tmp_path / "wrong", contratos=CONTRATOS.replace("width: 6, type: integer", "width: 5, type: integer")
    )
    assert isinstance(advance(wrong, DAY, world(any_store)).problem, DataRefused)
    outcome = advance(write_feed(tmp_path / "right"), DAY, world(any_store))
    assert (outcome.problem, arrivals_of(outcome, "contratos")) == (None, ["converted"])
    assert len(outcome.day.files["contratos"].arrivals[0].dones) == 2


def test_a_part_that_changes_while_it_is_read(store: Store, tmp_path: Path) -> None:
    """The whole set is superseded, and taken again with what is there now."""
    feed = write_feed(tmp_path / "feed", feed=PARTS)
    send(store, CLIENTES_NAME, clientes())
    send(store, FIRST, contratos(["OURO"]))
    send(store, SECOND, part(["PRATA"], 5))
    outcome = advance(feed, DAY, world(Replacing(store, SECOND, part(["BASICO", "OURO"], 5))))
    assert arrivals_of(outcome, "contratos") == ["superseded", "converted"]
    assert (outcome.problem, numbers(outcome, store)) == (None, ["000000", "000006"])


@pytest.mark.parametrize("allowed", [False, True])
def test_an_empty_file(store: Store, tmp_path: Path, allowed: bool) -> None:
    """Zero bytes are refused, unless the contract says that the file may be empty: then its table is."""
    words = f"    allow_empty: {str(allowed).lower()}\n"
    feed = write_feed(tmp_path / "feed", feed=feed_with(clientes=words), ativos=LEFT)
    send(store, CONTRATOS_NAME, contratos())
    send(store, CLIENTES_NAME, b"")
    outcome = advance(feed, DAY, world(store))
    if allowed:
        assert (outcome.problem, [row["uf"] for row in rows_of(store, outcome.day, "ativos")]) == (None, [None, None])
    else:
        assert isinstance(outcome.problem, DataRefused)
        assert outcome.day.files["clientes"].refusal == ("the file has no records",)


def test_names_that_no_fact_can_hold(tmp_path: Path) -> None:
    """A name that is no text is reported as unknown, also where a pattern would take it."""
    feed = write_feed(tmp_path / "feed", feed=TWO_NAMES)
    folder = new_store("folder", tmp_path)
    send(folder, CONTRATOS_NAME, contratos())
    path = Path(folder.locate(f"dados-posicionais/{CONTRATOS_NAME}"))
    os.link(path, os.fsencode(path.parent) + b"/\xe9" + CONTRATOS_NAME.encode())
    outcome = advance(feed, DAY, world(folder))
    assert outcome.unknown == (f"\\udce9{CONTRATOS_NAME}",)
    assert arrivals_of(outcome, "contratos") == ["converted"]


def test_what_lies_there_and_does_not_count_is_told(tmp_path: Path) -> None:
    """`posicional run` names strangers, files without their marker, and objects of no date, each with its reason."""
    text = feed_with(
        "    date: {from: header.data_ref}\n", '    marker: "{name}.ok"\n', contratos_name="CONTRATOS*.txt"
    )
    write_feed(tmp_path / "feed", feed=text)
    folder = new_store("folder", tmp_path)
    for name in ("contratos_20261122.txt", "CONTRATOS_A.txt", CLIENTES_NAME, "duas\nlinhas.txt"):
        send(folder, name, b"x")
        os.utime(folder.locate(f"dados-posicionais/{name}"), (0, 0))
    told = posicional("run", tmp_path / "feed" / "feed.yaml", "--date", str(DAY), "--store", folder.url)
    assert told.code == 3
    for note in (
        f"clientes: {CLIENTES_NAME} waits for {CLIENTES_NAME}.ok",
        "CONTRATOS_A.txt: no header.data_ref with a date can be read at its beginning",
        "contratos_20261122.txt is no file of this feed",
        r"duas\nlinhas.txt is no file of this feed",
    ):
        assert f"  {note}\n" in told.out


# Compressed files, and members of archives.


@pytest.mark.parametrize(
    ("words", "pattern", "names", "prefixes"),
    [
        pytest.param("", "CONTRATOS_{date:%Y%m%d}.txt", ["CONTRATOS_{}.txt", "CONTRATOS_{}.txt.gz"], 2, id="plain"),
        pytest.param("", "{date:%Y%m%d}/C*.txt", ["{}/C1.txt", "{}/x.txt"], 2, id="a folder a day"),
        pytest.param("", "*X_{date:%Y%m%d}.txt", ["CX_{}.txt"], 1, id="a star in front"),
        pytest.param("", "C_{version}_{date:%Y%m%d}.txt", ["C_1_{}.txt", "C_2_{}.txt"], 1, id="a version in front"),
        pytest.param('    marker: "{name}.ok"\n', "C_{date:%Y%m%d}.txt", ["C_{}.txt", "C_{}.txt.ok"], 2, id="a marker"),
        pytest.param('    marker: "ok/{name}"\n', "C_{date:%Y%m%d}.txt", ["C_{}.txt", "ok/C_{}.txt"], 3, id="another"),
        pytest.param('    marker: "{name}.ok"\n', "C_{date:%Y%m%d}.txt", ["C_{}.txt"], 2, id="a marker that lacks"),
        pytest.param(
            "    parts: {count: 2}\n", "C_{date:%Y%m%d}_{part}.txt", ["C_{}_1.txt", "C_{}_2.txt"], 2, id="parts"
        ),
        pytest.param(
            '    parts: {marker: "FIM_{date:%Y%m%d}"}\n',
            "C_{date:%Y%m%d}_{part}.txt",
            ["C_{}_1.txt", "FIM_{}"],
            3,
            id="a marker behind parts",
        ),
        pytest.param("    date: {from: header.data_ref}\n", "C_*.txt", ["C_{}.txt"], 1, id="a date in the header"),
        pytest.param("    use: latest\n", "C_{date:%Y%m%d}.txt", ["C_{}.txt"], 1, id="the newest at or before"),
    ],
)
def test_a_date_finds_the_same_among_its_own_names(
    words: str, pattern: str, names: list[str], prefixes: int, tmp_path: Path
) -> None:
    """What a trigger for one date lists is all that there is for it; as many beginnings are listed as are expected."""
    feed = write_feed(tmp_path / "feed", feed=feed_with(words, contratos_name=pattern))
    store = Counting(new_store("memory", tmp_path))
    for day in (YESTERDAY, DAY, TOMORROW):
        for name in [*names, "CLIENTES_{}.txt", "OTHER_{}.txt"]:
            send(store.real, name.format(f"{day:%Y%m%d}"), contratos(day=day))
    everything = incoming(feed, world(store))
    store.calls.clear()
    own = incoming(feed, world(store), DAY)
    assert own.days[DAY] == everything.days[DAY]
    assert own.unfinished.get(DAY) == everything.unfinished.get(DAY)
    listed_beside = 1 if "header" in words else 0  # the dates that are known
    assert store.calls["list"] == prefixes + listed_beside


def archive(**members: bytes) -> bytes:
    """An archive of files called `<name>.txt`."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in members.items():
            opened.writestr(f"{name}.txt", data)
    return made.getvalue()


PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    "zip": lambda data: archive(contratos=data),
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_compressed_name_is_the_file(store: Store, tmp_path: Path, kind: str) -> None:
    """The pattern need not say so; rows come from what is inside, and the name is the object's."""
    feed = write_feed(tmp_path / "feed", ativos="select numero, plano, _file as uf from contratos")
    send(store, f"{CONTRATOS_NAME}.{kind}", PACKED[kind](contratos(["OURO"])))
    send(store, f"{CLIENTES_NAME}.gz", gzip.compress(clientes()))
    outcome = advance(feed, DAY, world(store))
    assert outcome.problem is None
    assert rows_of(store, outcome.day, "ativos") == [
        {"numero": "000000", "plano": "OURO", "uf": f"{CONTRATOS_NAME}.{kind}"}
    ]


@pytest.mark.parametrize("kind", PACKED)
def test_the_date_in_the_header_of_a_compressed_file(store: Store, tmp_path: Path, kind: str) -> None:
    """Only its beginning is unpacked for that."""
    feed = write_feed(tmp_path / "feed", feed=HEADER)
    send(store, f"CONTRATOS_A.txt.{kind}", PACKED[kind](contratos(day=YESTERDAY)))
    send(store, f"CONTRATOS_B.txt.{kind}", PACKED[kind](contratos(["OURO"])))
    send(store, f"CONTRATOS_C.txt.{kind}", b"no such stream")
    send(store, CLIENTES_NAME, clientes())
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, numbers(outcome, store)) == (None, ["000000"])
    assert [text.partition(":")[0] for text in outcome.undated] == [f"CONTRATOS_C.txt.{kind}"]


def test_a_plain_file_and_its_compressed_twin_are_ambiguous(store: Store, tmp_path: Path) -> None:
    """Two objects for one file and date, whatever they hold."""
    feed = write_feed(tmp_path / "feed")
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    send(store, f"{CONTRATOS_NAME}.gz", gzip.compress(contratos(["OURO"])))
    assert arrivals_of(advance(feed, DAY, world(store)), "contratos") == ["converted", "refused"]


MEMBERS = feed_with(
    contratos='    member: "contratos.txt"\n',
    clientes='    member: "clientes.txt"\n',
    contratos_name="TUDO_{date:%Y%m%d}.zip",
    clientes_name="TUDO_{date:%Y%m%d}.zip",
)


def test_several_files_in_one_archive(store: Store, tmp_path: Path) -> None:
    """Each takes its own member, and they are arrivals of their own."""
    feed = write_feed(tmp_path / "feed", feed=MEMBERS)
    send(store, "TUDO_20261122.zip", archive(contratos=contratos(), clientes=clientes(), leiame=b"x"))
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, outcome.unknown, numbers(outcome, store)) == (None, (), ["000000", "000002"])
    assert [len(file.arrivals) for file in outcome.day.files.values()] == [1, 1]


def test_an_archive_without_a_member(store: Store, tmp_path: Path) -> None:
    """The file that is not in it is refused by name, the other one is read."""
    feed = write_feed(tmp_path / "feed", feed=MEMBERS)
    send(store, "TUDO_20261122.zip", archive(contratos=contratos()))
    outcome = advance(feed, DAY, world(store))
    assert outcome.day.files["clientes"].refusal == ("the archive does not hold clientes.txt",)
    assert (arrivals_of(outcome, "contratos"), outcome.day.refused) == (["converted"], ("clientes",))


def test_files_without_members_of_their_own_may_not_share_names(tmp_path: Path) -> None:
    """The same member twice, or one file that takes the whole archive, is a fault."""
    for member in ("contratos.txt", ""):
        text = MEMBERS.replace('    member: "clientes.txt"\n', f'    member: "{member}"\n' if member else "")
        with pytest.raises(ContractError, match="is the pattern of contratos too"):
            write_feed(tmp_path / "feed", feed=text)


# The newest file at or before the date.

LATEST = feed_with(clientes="    use: latest\n")


def of_day(back: int) -> str:
    """The name of the slow file so many days before."""
    return f"CLIENTES_{DAY - timedelta(days=back):%Y%m%d}.txt"


def used(outcome: Outcome) -> list[tuple[date | None, int]]:
    """Which arrival of the slow file each run has taken."""
    claims = [run.claim for run in outcome.day.runs]
    inputs = [claim.inputs["clientes"] for claim in claims if isinstance(claim, RunClaim)]
    return [(one.of, one.arrival) for one in inputs]


def test_the_newest_file_of_an_earlier_date_counts(store: Store, tmp_path: Path) -> None:
    """It is seen and read in the ledger of its own date; the run's claim and the report name it."""
    feed = write_feed(tmp_path / "feed", feed=LATEST)
    send(store, of_day(9), clientes().replace(b"SP", b"RJ"))
    send(store, of_day(4), clientes())
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    outcome = advance(feed, DAY, world(store))
    assert (outcome.problem, used(outcome)) == (None, [(DAY - timedelta(days=4), 1)])
    assert [row["uf"] for row in rows_of(store, outcome.day, "ativos")] == ["SP"]
    told = report(feed, outcome.day, outcome.rest, MIDNIGHT)
    assert [(file.status, file.of) for file in told.files] == [("converted", ""), ("earlier", "2026-11-18")]
    assert "clientes   earlier    arrival 1 of 2026-11-18" in told.text
    assert len(list(store.list("controle/saude/2026-11-18/"))) == 2
    assert list(store.list("controle/saude/2026-11-13/")) == []


def test_a_newer_file_of_an_earlier_date_moves_no_finished_day(store: Store, tmp_path: Path) -> None:
    """The day stays as it was made, until somebody asks for it again."""
    feed = write_feed(tmp_path / "feed", feed=LATEST)
    send(store, of_day(4), clientes().replace(b"SP", b"RJ"))
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    advance(feed, DAY, world(store))
    send(store, of_day(2), clientes())
    still = advance(feed, DAY, world(store))
    assert (still.did, still.rest.why, len(still.day.runs)) == (False, "done", 1)
    again = advance(feed, DAY, world(store), again=True)
    assert used(again) == [(DAY - timedelta(days=4), 1), (DAY - timedelta(days=2), 1)]
    assert [row["uf"] for row in rows_of(store, again.day, "ativos")] == ["SP"]


def test_a_file_of_the_date_itself_goes_before_earlier_ones(store: Store, tmp_path: Path) -> None:
    """Also when it comes after the day was finished with an earlier one: that is other content."""
    feed = write_feed(tmp_path / "feed", feed=LATEST)
    send(store, of_day(4), clientes().replace(b"SP", b"RJ"))
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    advance(feed, DAY, world(store))
    send(store, of_day(0), clientes())
    outcome = advance(feed, DAY, world(store))
    assert used(outcome) == [(DAY - timedelta(days=4), 1), (None, 1)]
    assert [row["uf"] for row in rows_of(store, outcome.day, "ativos")] == ["SP"]


def test_a_refused_file_makes_way_for_an_older_one(store: Store, tmp_path: Path) -> None:
    """The newest that can be used counts, whether the bad one is of the date itself or of an earlier one."""
    feed = write_feed(tmp_path / "feed", feed=LATEST)
    send(store, of_day(6), clientes())
    send(store, of_day(4), b"short\n")
    send(store, of_day(0), b"short\n")
    send(store, CONTRATOS_NAME, contratos(["OURO"]))
    outcome = advance(feed, DAY, world(store))
    assert (used(outcome), outcome.day.refused) == ([(DAY - timedelta(days=6), 1)], ("clientes",))


def test_a_refused_file_of_an_earlier_date_is_accepted_there(store: Store, tmp_path: Path) -> None:
    """With the date that it is of, which need not be one of the feed's; then it counts for the later date."""
    feed = write_feed(tmp_path / "feed", feed=LATEST.replace("days: daily", "days: weekdays"))
    monday = DAY + timedelta(days=1)
    send(store, of_day(0), clientes() + b"short\n")  # of a Sunday
    send(store, f"CONTRATOS_{monday:%Y%m%d}.txt", contratos(["OURO"], monday))
    assert advance(feed, monday, world(store)).rest.files == ("clientes",)
    with pytest.raises(UsageError, match="accepted with that --date"):
        accept(feed, monday, world(store), file="clientes", why="known")
    assert accept(feed, DAY, world(store), file="clientes", why="known").number == 1
    with pytest.raises(UsageError, match="no business date"):
        accept(feed, DAY, world(store), file="contratos", why="known")
    assert used(advance(feed, monday, world(store))) == [(DAY, 1)]


def test_beyond_the_look_back_the_file_is_missing(store: Store, tmp_path: Path) -> None:
    """Nothing older than `lookback` is used, and a file of a later date never."""
    feed = write_feed(tmp_path / "feed", feed=LATEST + "lookback: 5\n")
    send(store, of_day(6), clientes())
    send(store, of_day(-1), clientes())
    send(store, CONTRATOS_NAME, contratos())
    outcome = advance(feed, DAY, world(store))
    assert (outcome.rest.why, outcome.rest.files) == ("missing", ("clientes",))
    send(store, of_day(5), clientes())
    assert advance(feed, DAY, world(store)).problem is None


def test_an_earlier_file_counts_when_its_object_is_gone(store: Store, tmp_path: Path) -> None:
    """Its parts and facts are what counts; `status` finds it too, and of a finished day reads that day's facts only."""
    feed = write_feed(tmp_path / "feed", feed=LATEST)
    send(store, of_day(4), clientes())
    advance(feed, DAY - timedelta(days=4), world(store))
    store.delete(f"dados-posicionais/{of_day(4)}")
    assert peek(feed, DAY, outside_of(store))[0].missing == ("contratos",)
    send(store, CONTRATOS_NAME, contratos())
    assert advance(feed, DAY, world(store)).problem is None
    counting = Counting(store)
    peek(feed, DAY, outside_of(counting))
    assert counting.calls["list"] == 1
