"""`posicional convert` on a file that is read in ranges."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import pyarrow.parquet as pq
import pytest

from commands import posicional
from posicional.backends.store import open_store
from posicional.contract.layout import Layout
from posicional.errors import ObjectMissing
from posicional.records import hashing, ranges
from posicional.records.reader import convert

T = TypeVar("T")
R = TypeVar("R")


def test_all_rejects_of_all_ranges_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--rejects` holds the rejects of every range, in the order of the file; the folder holds a part of each."""
    monkeypatch.setattr(ranges, "RANGE", 10_000)
    (tmp_path / "l.yaml").write_text(
        "encoding: utf-8\nrecord: {length: 9, framing: newline}\nfields: [{name: n, width: 9, type: integer}]\n"
    )
    bad = {number for number in range(5000) if number % 700 == 3}
    lines = [b"?" * 9 if number in bad else b"%09d" % number for number in range(5000)]
    (tmp_path / "n.txt").write_bytes(b"\n".join(lines) + b"\n")
    said = posicional(
        "convert", tmp_path / "n.txt", "--layout", tmp_path / "l.yaml", "-o", f"{tmp_path}/out/",
        "--rejects", tmp_path / "r.parquet", "--max-rejects", "100",
    )  # fmt: skip
    assert said.code == 0, said.text
    assert pq.read_table(tmp_path / "r.parquet")["line"].to_pylist() == sorted(number + 1 for number in bad)
    parts = sorted((tmp_path / "out").glob("*.parquet"))
    assert len(parts) == 6
    rows = [row for part in parts for row in pq.read_table(part)["n"].to_pylist()]
    assert rows == [number for number in range(5000) if number not in bad]
    assert f"… and {len(bad) - 5} more rejects" in said.err


def by_processes(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """The work done by processes that share nothing with this one."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, items)


def test_ranges_may_be_read_by_other_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a range needs, and all that it leaves, can be pickled; the outcome and each byte are the same."""
    monkeypatch.setattr(ranges, "RANGE", 10_000)
    (tmp_path / "l.yaml").write_text(
        "encoding: utf-8\nrecord: {length: 9, framing: newline}\nfields: [{name: n, width: 9, type: integer}]\n"
    )
    layout = Layout.load(tmp_path / "l.yaml")
    lines = [b"?" * 9 if number % 700 == 3 else b"%09d" % number for number in range(5000)]
    (tmp_path / "n.txt").write_bytes(b"\n".join(lines) + b"\n")
    store = open_store(tmp_path)
    source = store.source(store.head("n.txt"))
    outcomes = [
        convert(
            source,
            layout,
            store.sink(f"{where}/"),
            store.sink(f"{where}-r/"),
            file="n",
            path="n.txt",
            together=together,
        )
        for where, together in (("here", None), ("there", by_processes))
    ]
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0].parts) == 6
    for folder in ("", "-r"):
        here, there = (sorted((tmp_path / f"{name}{folder}").iterdir()) for name in ("here", "there"))
        assert [path.name for path in here] == [path.name for path in there]
        assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there]


ODD = {"one": b"0" * 19 + b"\n", "two": b"1234\n" + b"0" * 14 + b"\n", "many": b"\n" * 20}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_lines_that_only_seem_to_be_equally_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: bytes) -> None:
    """Where two lines are exchanged for others of as many bytes, every record still says the line that it stands in."""
    monkeypatch.setattr(ranges, "RANGE", 1000)
    (tmp_path / "l.yaml").write_text(
        "encoding: utf-8\nrecord: {length: 9, framing: newline}\nfields: [{name: n, width: 9, type: integer}]\n"
    )
    content = b"".join(b"%09d\n" % number for number in range(600))
    content = content[:3120] + odd + content[3140:]
    store = open_store(tmp_path)
    (tmp_path / "n.txt").write_bytes(content)
    source = store.source(store.head("n.txt"))
    found = convert(
        source, Layout.load(tmp_path / "l.yaml"), store.sink("p/"), store.sink("r/"), file="n", path="n.txt"
    )  # fmt: skip
    assert len(found.parts) == 6
    rows = [row for part in found.parts for row in pq.read_table(tmp_path / "p" / part.name).to_pylist()]
    assert {row["_line"]: row["n"] for row in rows} == {
        line: int(text) for line, text in enumerate(content.splitlines(), 1) if len(text) == 9
    }


def test_a_file_may_be_hashed_by_somebody_else(tmp_path: Path) -> None:
    """The outcome and each byte of the parts are the same, whoever hashes the file; a fault there is a fault here."""
    (tmp_path / "l.yaml").write_text("record: {length: 9}\nfields: [{name: n, width: 9, type: integer}]\n")
    (tmp_path / "n.txt").write_bytes(b"".join(b"%09d\n" % number for number in range(600)))
    layout, store = Layout.load(tmp_path / "l.yaml"), open_store(tmp_path)
    source = store.source(store.head("n.txt"))
    outcomes = [
        convert(
            source, layout, store.sink(f"{where}/"), store.sink("r/"), file="n", path="n.txt", digests=digests,
        )
        for where, digests in (("here", None), ("there", hashing.begun(source)))
    ]  # fmt: skip
    assert outcomes[0] == outcomes[1]
    assert (tmp_path / "here" / "part-00000.parquet").read_bytes() == (
        tmp_path / "there" / "part-00000.parquet"
    ).read_bytes()
    (tmp_path / "n.txt").unlink()
    with pytest.raises(ObjectMissing):
        hashing.begun(source)()


@pytest.mark.parametrize("size", [1, 7, 8, 41, 48, 600])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_very_large_file_is_hashed_by_all_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, count: int
) -> None:
    """Stretches hashed apart give the digests of the whole, in their order."""
    monkeypatch.setattr(hashing, "PIECE", 8)
    monkeypatch.setattr(hashing, "ALONE", 0)
    monkeypatch.setattr(hashing, "cores", lambda: count)
    (tmp_path / "n.txt").write_bytes(bytes(n % 251 for n in range(size)))
    store = open_store(tmp_path)
    source = store.source(store.head("n.txt"))
    assert hashing.begun(source)() == hashing.content_pieces(source)
