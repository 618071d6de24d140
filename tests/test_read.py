"""What Python users are given: `posicional.read` for every kind of source and library, and where datasets are.

`python tests/test_read.py` writes the output of docs/python.md anew; look at the difference before you commit it.
"""

from __future__ import annotations

import gc
import io
import re
import secrets
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import documentation
import posicional
from commands import COTAHIST, ROOT
from commands import posicional as command
from posicional.backends.store import open_store
from posicional.errors import ContractError, DataRefused, NotDone, ObjectMissing, UsageError
from posicional.records import stream
from worlds import s3_store

PAGE = ROOT / "docs" / "python.md"
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)

LAYOUT = """
record: {length: 12}
fields:
  - {name: nome, width: 4, type: string}
  - {name: valor, width: 8, type: decimal, scale: 2}
"""
DATA = b"Ana 00000150\nIvo 00000275\n"
BAD = DATA + b"Eva 0000A300\n"


@pytest.fixture
def layout(tmp_path: Path) -> posicional.Layout:
    """A small layout."""
    return layout_of(tmp_path, LAYOUT)


def layout_of(folder: Path, text: str) -> posicional.Layout:
    """A layout from its text."""
    path = folder / "layout.yaml"
    path.write_text(text)
    return posicional.Layout.load(path)


def names(read: posicional.RecordStream) -> list[str]:
    """The first column of all batches."""
    return [value for batch in read for value in batch.column(0).to_pylist()]


# --- the page ---------------------------------------------------------------------------------------------------------


def prepare(folder: Path) -> None:
    """The README's feed, whose day has been run."""
    documentation.lay_out(documentation.READMES[0].read_text(encoding="utf-8"), folder)
    assert command("run", "feed.yaml", "--date", "2026-11-20", cwd=folder).code == 0


def output(code: str, folder: Path) -> str:
    """What an example prints."""
    said = io.StringIO()
    with chdir(folder), redirect_stdout(said):
        exec(compile(code, "docs/python.md", "exec"), {"__name__": "example"})  # noqa: S102 - the page's own examples
    return "\n".join(line.rstrip() for line in said.getvalue().strip("\n").splitlines()) + "\n"


def page(text: str) -> str:
    """The page with what its examples print now."""
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        return EXAMPLE.sub(lambda found: _shown(found[1], Path(name)), text)


def _shown(code: str, folder: Path) -> str:
    return f"```python\n{code}```\n\n```text\n{output(code, folder)}```\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the examples run in."""
    folder = tmp_path_factory.mktemp("python")
    prepare(folder)
    return folder


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        pytest.param(code, shown, id=str(number))
        for number, (code, shown) in enumerate(EXAMPLE.findall(PAGE.read_text()))
    ],
)
def test_an_example_of_the_page_prints_what_stands_below_it(code: str, shown: str, prepared: Path) -> None:
    """The page cannot lie: pandas, polars, DuckDB and pyarrow take the stream as it says."""
    assert output(code, prepared) == shown


def test_every_public_name_is_on_the_page() -> None:
    """What the package offers is documented, and nothing else is offered."""
    text = PAGE.read_text(encoding="utf-8")
    for name in set(posicional.__all__) - {"RecordStream"}:
        assert f"posicional.{name}" in text, name
        assert getattr(posicional, name)
    assert set(posicional.__all__) <= set(dir(posicional))
    with pytest.raises(AttributeError, match="nothing"):
        _ = posicional.nothing


# --- sources ----------------------------------------------------------------------------------------------------------


def test_a_path_is_read_and_named(tmp_path: Path, layout: posicional.Layout) -> None:
    """As text and as a `Path`; rows say the file's name, line and byte."""
    path = tmp_path / "ARQ.txt"
    path.write_bytes(DATA)
    for given in (path, str(path), f"file://{path}"):
        table = pa.table(posicional.read(given, layout))
        assert table["nome"].to_pylist() == ["Ana", "Ivo"]
        assert table["_file"].to_pylist() == ["ARQ.txt"] * 2
        assert table["_line"].to_pylist() == [1, 2]
        assert table["_byte"].to_pylist() == [0, 13]


def test_the_layout_may_be_a_path(tmp_path: Path, layout: posicional.Layout) -> None:
    """Of its YAML."""
    assert layout.name == "layout"
    assert names(posicional.read(DATA, tmp_path / "layout.yaml")) == ["Ana", "Ivo"]
    assert names(posicional.read(DATA, str(tmp_path / "layout.yaml"))) == ["Ana", "Ivo"]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_read(kind: Callable[[bytes], Any], layout: posicional.Layout) -> None:
    """In any shape."""
    assert names(posicional.read(kind(DATA), layout)) == ["Ana", "Ivo"]


def test_an_object_in_memory_is_read(layout: posicional.Layout) -> None:
    """`memory://name/key`, keys with folders included."""
    url = f"memory://{secrets.token_hex(8)}"
    open_store(url).create("a/ARQ.txt", DATA)
    table = pa.table(posicional.read(f"{url}/a/ARQ.txt", layout))
    assert table["_file"].to_pylist() == ["ARQ.txt"] * 2


def test_an_object_on_s3_is_read(layout: posicional.Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """`s3://bucket/key`."""
    with s3_store(monkeypatch) as (store, _):
        store.create("a/ARQ.txt", DATA)
        assert names(posicional.read(f"{store.url}/a/ARQ.txt", layout)) == ["Ana", "Ivo"]


def test_a_file_object_is_read_from_where_it_stands(tmp_path: Path, layout: posicional.Layout) -> None:
    """A real one and one in memory; it stays open, and is the caller's."""
    path = tmp_path / "ARQ.txt"
    path.write_bytes(b"skipped\n" + DATA)
    with path.open("rb") as file:
        file.seek(8)
        table = pa.table(posicional.read(file, layout))
        assert table["nome"].to_pylist() == ["Ana", "Ivo"]
        assert table["_file"].to_pylist() == ["ARQ.txt"] * 2
        assert not file.closed
    memory = io.BytesIO(DATA)
    memory.seek(13)
    assert names(posicional.read(memory, layout)) == ["Ivo"]


def test_a_pipe_is_read(layout: posicional.Layout) -> None:
    """What cannot seek is copied aside first."""
    with subprocess.Popen([sys.executable, "-c", f"print({DATA.decode()!r}, end='')"], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert names(posicional.read(run.stdout, layout)) == ["Ana", "Ivo"]


def test_a_file_beyond_one_block_is_read_from_a_file_object(layout: posicional.Layout) -> None:
    """Blocks are read ahead by another thread, through the same file object."""
    data = DATA * 400_000
    table = pa.table(posicional.read(io.BytesIO(data), layout))
    assert table.num_rows == 800_000
    assert table["_byte"][-1].as_py() == len(data) - 13


class Text(io.BytesIO):
    """A file object that does not say that it gives text."""

    def read(self, size: int | None = -1) -> Any:
        """Text."""
        return super().read(size).decode()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param("nada.txt", "nada.txt: no such file", id="no file"),
        pytest.param(".", "this is not a file", id="folder"),
        pytest.param(io.StringIO("x"), "binary mode", id="text"),
        pytest.param(Text(DATA), "binary mode", id="text in disguise"),
        pytest.param(12, "expected a path, a URL, bytes, or a file object, got int", id="number"),
        pytest.param("ftp://host/key", "ftp:// is not known", id="store of another kind"),
    ],
)
def test_what_cannot_be_read_is_refused(given: Any, says: str, layout: posicional.Layout) -> None:
    """With what to do instead."""
    with pytest.raises(UsageError, match=re.escape(says)):
        names(posicional.read(given, layout))


def test_an_object_that_is_not_there_is_missing(layout: posicional.Layout) -> None:
    """As the store says."""
    with pytest.raises(ObjectMissing, match="no such object"):
        posicional.read(f"memory://{secrets.token_hex(8)}/a.txt", layout)


def test_a_layout_with_faults_is_refused_at_once(tmp_path: Path) -> None:
    """With all of its faults."""
    (tmp_path / "bad.yaml").write_text("fields: [{name: n, width: 0, type: integer}, {name: m, width: 4, type: int}]")
    with pytest.raises(ContractError) as caught:
        posicional.read(DATA, tmp_path / "bad.yaml")
    assert len(caught.value.faults) == 2


# --- the stream -------------------------------------------------------------------------------------------------------


def _duckdb(read: posicional.RecordStream, query: str) -> tuple[Any, ...]:  # noqa: ARG001 - DuckDB finds it by its name
    found = duckdb.sql(query)
    assert found is not None
    return found.fetchall()[0]


ALL_OF: dict[str, Callable[[posicional.RecordStream], int]] = {
    "pyarrow": lambda read: pa.table(read).num_rows,
    "reader": lambda read: read.to_reader().read_all().num_rows,
    "batches": lambda read: sum(batch.num_rows for batch in read),
    "pandas": lambda read: len(pd.DataFrame.from_arrow(read)),
    "polars": lambda read: pl.DataFrame(read).height,
    "duckdb": lambda read: _duckdb(read, "select count(*) from read")[0],
}


@pytest.fixture(params=ALL_OF)
def all_of(request: pytest.FixtureRequest) -> Callable[[posicional.RecordStream], int]:
    """A library that reads a stream to its end and counts the rows."""
    return ALL_OF[request.param]


def test_every_library_takes_the_stream(
    all_of: Callable[[posicional.RecordStream], int], layout: posicional.Layout
) -> None:
    """And what is known at the end is known then."""
    read = posicional.read(DATA, layout)
    assert all_of(read) == 2
    assert read.account.rows == 2
    assert read.account.balanced
    assert read.problems == ()
    assert read.rejects.num_rows == 0


def test_no_library_takes_a_refused_file_for_a_good_one(
    all_of: Callable[[posicional.RecordStream], int], layout: posicional.Layout
) -> None:
    """An error at the end of the stream, whatever its class, with the text in it; then the stream says which."""
    read = posicional.read(BAD, layout)
    with pytest.raises(Exception, match="1 of 3 records are rejected, more than max_rejects allows"):
        all_of(read)
    assert [problem.reason for problem in read.problems] == ["rejects"]
    assert read.rejects.select(["line", "field", "reason", "raw"]).to_pylist() == [
        {"line": 3, "field": "valor", "reason": "not a number", "raw": b"Eva 0000A300"}
    ]


def test_rejects_may_be_allowed(all_of: Callable[[posicional.RecordStream], int], layout: posicional.Layout) -> None:
    """So many, or such a share; they are still told."""
    for allowed in (1, "1", "34%"):
        read = posicional.read(BAD, layout, max_rejects=allowed)
        assert all_of(read) == 2
        assert read.rejects.num_rows == read.account.rejects == 1
        assert read.problems == ()
    with pytest.raises(UsageError, match="not a number of rejects"):
        posicional.read(BAD, layout, max_rejects="some")


def test_no_message_holds_a_value(layout: posicional.Layout) -> None:
    """The error may end in a log; only the rejects hold values."""
    read = posicional.read(BAD, layout)
    with pytest.raises(DataRefused) as caught:
        names(read)
    assert "A300" not in str(caught.value)
    assert "A300" not in repr(read.problems)


def test_the_schema_is_known_before_the_first_byte(layout: posicional.Layout) -> None:
    """Fields with their types, then where a row came from."""
    read = posicional.read(DATA, layout)
    assert read.schema.names == ["nome", "valor", "_file", "_line", "_byte"]
    assert read.schema.field("valor").type == pa.decimal128(8, 2)
    assert read.to_reader().schema == read.schema


def test_what_the_end_says_is_not_said_before(layout: posicional.Layout) -> None:
    """Nobody takes the account of half a file for the whole."""
    read = posicional.read(DATA * 200_000, layout)
    next(iter(read))
    for name in ("rejects", "account", "problems", "controls"):
        with pytest.raises(UsageError, match="known only at the end of the stream"):
            getattr(read, name)


def test_a_stream_is_read_once(layout: posicional.Layout) -> None:
    """A second reader is told so, instead of finding nothing."""
    read = posicional.read(DATA, layout)
    assert names(read) == ["Ana", "Ivo"]
    with pytest.raises(UsageError, match="read already"):
        names(read)
    assert read.account.rows == 2


def test_a_stream_may_be_left(layout: posicional.Layout) -> None:
    """Its threads and files end with it (a warning would be an error)."""
    batches = iter(posicional.read(DATA * 400_000, layout))
    next(batches)
    del batches
    gc.collect()


def test_rejects_in_memory_are_bounded(layout: posicional.Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of nothing but rejects does not fill the memory; all are counted."""
    monkeypatch.setattr(stream, "KEPT", 1 << 20)
    read = posicional.read(b"Eva 0000A300\n" * 100_000, layout, max_rejects="100%")
    assert names(read) == []
    assert read.account.rejects == 100_000
    assert 0 < read.rejects.num_rows < 50_000


def test_an_empty_file_is_refused_unless_it_may_be(layout: posicional.Layout) -> None:
    """As in a feed: `allow_empty`."""
    with pytest.raises(DataRefused, match="the file has no records"):
        names(posicional.read(b"", layout))
    read = posicional.read(b"", layout, allow_empty=True)
    assert pa.table(read).schema == read.schema


# --- kinds, headers ---------------------------------------------------------------------------------------------------

KINDS = """
record: {length: 12}
records:
  header:
    when: {pos: [1, 1], is: "0"}
    fields: [{filler: 1}, {name: data_ref, width: 8, type: date, format: "%Y%m%d"}, {filler: rest}]
    check: [{field: data_ref, equals: date}]
  cliente:
    when: {pos: [1, 1], is: "1"}
    fields: [{filler: 1}, {name: nome, width: 11, type: string}]
  conta:
    when: {pos: [1, 1], is: "2"}
    fields: [{filler: 1}, {name: saldo, width: 11, type: integer}]
  trailer:
    when: {pos: [1, 1], is: "9"}
    fields: [{filler: 1}, {name: registros, width: 11, type: integer}]
    controls: [{count: all, field: registros}]
"""
FILE = b"020261120   \n1Ana        \n200000000010\n200000000020\n900000000005\n"


def test_one_of_several_tables_is_named(tmp_path: Path) -> None:
    """Without a name, or with a wrong one, the error says which there are."""
    layout = layout_of(tmp_path, KINDS)
    assert pa.table(posicional.read(FILE, layout, table="conta"))["saldo"].to_pylist() == [10, 20]
    read = posicional.read(FILE, layout, table="cliente")
    assert pa.table(read)["nome"].to_pylist() == ["Ana"]
    assert (read.account.rows, read.account.records) == (3, 5)
    assert [dict(control.values) for control in read.controls][1] == {"registros": 5}
    with pytest.raises(UsageError, match="makes 2 tables -> say which: table='cliente' or table='conta'"):
        posicional.read(FILE, layout)
    with pytest.raises(UsageError, match="no table 'trailer' -> say table='cliente' or table='conta'"):
        posicional.read(FILE, layout, table="trailer")


def test_the_header_is_checked_against_the_date(tmp_path: Path) -> None:
    """A `date`, as text or not; without one, a header's date is not checked."""
    layout = layout_of(tmp_path, KINDS)
    assert len(names(posicional.read(FILE, layout, table="conta"))) == 2
    assert len(names(posicional.read(FILE, layout, table="conta", date="2026-11-20"))) == 2
    with pytest.raises(DataRefused, match="data_ref"):
        names(posicional.read(FILE, layout, table="conta", date="2026-11-21"))


def test_a_member_of_an_archive_is_named(tmp_path: Path) -> None:
    """Where there are several files in it; which one must then be said."""
    layout = layout_of(tmp_path, LAYOUT)
    with zipfile.ZipFile(tmp_path / "dia.zip", "w") as archive:
        archive.writestr("leia-me.txt", "rubbish")
        archive.writestr("lojas.txt", DATA)
    assert names(posicional.read(tmp_path / "dia.zip", layout, member="lojas.txt")) == ["Ana", "Ivo"]
    with pytest.raises(DataRefused, match="the archive holds 2 files"):
        names(posicional.read(tmp_path / "dia.zip", layout))
    with pytest.raises(DataRefused, match=r"does not hold clientes\.txt"):
        names(posicional.read(tmp_path / "dia.zip", layout, member="clientes.txt"))


def test_a_trailer_that_does_not_agree_refuses_the_file(tmp_path: Path) -> None:
    """Behind the last row."""
    layout = layout_of(tmp_path, KINDS)
    read = posicional.read(FILE.replace(b"900000000005", b"900000000006"), layout, table="conta")
    with pytest.raises(DataRefused, match="says 6 records, 5 were read"):
        names(read)
    assert [problem.reason for problem in read.problems] == ["control"]


def test_a_real_file_reads_the_same_through_every_library(shared_data: Path) -> None:
    """A day of the exchange: rows, and the sum of a column."""
    path = shared_data / "cotahist" / "COTAHIST_D25062021.TXT"
    through_polars = pl.DataFrame(posicional.read(path, COTAHIST))
    through_pandas = posicional.read(path, COTAHIST).to_reader().read_pandas(types_mapper=pd.ArrowDtype)
    rows, volume = _duckdb(posicional.read(path, COTAHIST), "select count(*), sum(volume) from read")
    assert rows == through_polars.height == len(through_pandas) == 7518
    assert volume == through_polars["volume"].sum() == through_pandas["volume"].sum()


# --- datasets ---------------------------------------------------------------------------------------------------------


def test_a_dataset_is_where_the_command_says(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By path or by a loaded feed; `store` and POSICIONAL_STORE replace the feed's own."""
    said = command("dataset", "feed.yaml", "lojas_abertas", "--date", "2026-11-20", cwd=prepared)
    feed = posicional.Feed.load(prepared / "feed.yaml")
    found = posicional.dataset(feed, "lojas_abertas", "2026-11-20")
    assert list(found.parts) == said.out.split()
    assert (found.run, found.rows) == (1, 2)
    assert posicional.dataset(feed, "lojas_abertas", "2026-11-20", store=prepared / "dados") == found
    with pytest.raises(NotDone, match="no run has made lojas_abertas"):
        posicional.dataset(feed, "lojas_abertas", "2026-11-20", store=prepared / "outro")
    monkeypatch.setenv("POSICIONAL_STORE", str(prepared / "outro"))
    with pytest.raises(NotDone):
        posicional.dataset(feed, "lojas_abertas", "2026-11-20")
    with pytest.raises(UsageError, match="did you mean lojas_abertas"):
        posicional.dataset(feed, "lojas_aberta", "2026-11-20")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
