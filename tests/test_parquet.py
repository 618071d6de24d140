"""Parquet parts: what is chosen for each column and why, and that every engine reads the same values."""

from __future__ import annotations

import io
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posicional.contract.layout import Field, Layout, RecordKind, When
from posicional.records import parquet
from posicional.records.encodings import encodings
from posicional.records.parquet import PartWriter
from test_reader import LAYOUT, Parts, converted

FIELDS = (
    Field("key", 0, 6, "string", required=True),
    Field("state", 6, 2, "string"),
    Field("count", 8, 4, "integer", 4),
    Field("amount", 12, 9, "decimal", 8, 2, sign="leading"),
    Field("long", 21, 25, "decimal", 25, 3),
    Field("day", 46, 8, "date", format="%Y%m%d"),
    Field("at", 54, 14, "timestamp", format="%Y%m%d%H%M%S"),
    Field("hour", 68, 4, "time", format="%H%M"),
    Field("flag", 72, 1, "boolean", true=("S",), false=("N",)),
    Field("many", 73, 2, "integer", 2, repeat=2),
    Field("code", 77, 11, "string"),
)
KIND = RecordKind("detail", "detail", When(otherwise=True), 88, FIELDS)
MADE = Layout("made", "0" * 64, "utf-8", "bytes", "newline", "reject", (KIND,))
ROWS = 3000


def lines() -> bytes:
    """Records with nulls here and there."""
    random = np.random.default_rng(7)
    made = []
    for n in range(ROWS):
        state, amount = ["SP", "RJ", "  "][n % 3], int(random.integers(-(10**8) + 1, 10**8))
        day = "        " if n % 10 == 0 else f"{1900 + n % 200}0228"
        moment = f"20261122{n % 24:02d}3015{n % 24:02d}59"
        code = " " * 11 if n % 50 == 7 else f"{random.integers(10**11):011d}"
        number = f"{n:06d}{state}{n % 977:4d}{amount:+09d}{n * 10**18:025d}"
        made.append(f"{number}{day}{moment}{'SN '[n % 3]}{n % 100:02d}  {code}\n")
    return "".join(made).encode()


def test_every_engine_reads_the_same_values(tmp_path: Path) -> None:
    """pyarrow, DuckDB and polars agree, down to nulls, scales and wall clocks."""
    part = tmp_path / "part.parquet"
    part.write_bytes(converted(lines(), MADE).sink.closed["part-00000.parquet"])
    table = pq.read_table(part)
    assert table.num_rows == ROWS
    types = [str(table.schema.field(field.name).type) for field in FIELDS]
    assert types == [
        "string",
        "string",
        "int64",
        "decimal128(8, 2)",
        "decimal128(25, 3)",
        "date32[day]",
        "timestamp[us]",
        "string",
        "bool",
        "list<element: int64>",
        "string",
    ]
    assert pl.read_parquet(part).to_arrow().cast(table.schema).to_pylist() == table.to_pylist()
    names = ", ".join(f'"{name}"' for name in table.column_names)
    query = f"select {names} from read_parquet('{part}')"  # noqa: S608  # a path of our own
    rows = duckdb.connect().execute(query).fetchall()
    assert rows == [tuple(row.values()) for row in table.to_pylist()]


def test_the_encoding_follows_the_data() -> None:
    """A dictionary where values repeat, delta pages for whole numbers, no statistics of text."""
    data = converted(lines(), MADE).sink.closed["part-00000.parquet"]
    group = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    chunks = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert [name for name, chunk in chunks.items() if chunk.has_dictionary_page] == [
        "state",
        "day",
        "at",
        "hour",
        "_file",
    ]
    for name in ("count", "amount", "_line", "_byte"):
        assert "DELTA_BINARY_PACKED" in chunks[name].encodings, name
    used = {encoding for chunk in chunks.values() for encoding in chunk.encodings}
    assert not used & {"BYTE_STREAM_SPLIT", "DELTA_LENGTH_BYTE_ARRAY"}  # Spark 3.5.6 reads neither as it should
    assert {name for name, chunk in chunks.items() if chunk.compression != "ZSTD"} == {"amount"}
    assert (chunks["amount"].physical_type, chunks["long"].physical_type) == ("INT32", "FIXED_LEN_BYTE_ARRAY")
    assert chunks["count"].is_stats_set
    assert not chunks["key"].is_stats_set


def test_only_what_shrinks_is_compressed() -> None:
    """Numbers without a rule are dense once they are packed; text, and what the first rows do not tell of, is not."""
    random = np.random.default_rng(5)
    values: dict[str, list[int | None]] = {
        "free": [int(random.integers(10**15)) for _ in range(4000)],
        "regular": [[3, 99_999, 12, 500_000][n % 4] + n for n in range(4000)],
        "later": [None if n < 3990 else n for n in range(4000)],
    }
    text = pa.array([f"{n:011d}" for n in values["free"]])
    first = pa.record_batch({name: pa.array(some, pa.int64()) for name, some in values.items()} | {"text": text})
    found = encodings(first.schema, first)
    assert found["compression"] == {"free": "none", "regular": "zstd", "later": "zstd", "text": "zstd"}
    assert found["compression_level"] == {"regular": 1, "later": 1, "text": 1}


def test_a_page_of_long_texts_is_no_larger_than_others() -> None:
    """Short values are encoded many at a time; of long ones only as many as a page should hold."""
    short = pa.record_batch({"s": pa.array([f"{n * 7919:09d}" for n in range(4000)])})
    long = pa.record_batch({"s": pa.array([f"{n * 7919:09d}" * 100 for n in range(4000)])})
    assert encodings(short.schema, short)["write_batch_size"] == 16384
    assert encodings(long.schema, long)["write_batch_size"] == (1 << 20) // 904


def test_lineage_costs_almost_nothing() -> None:
    """`_file`, `_line` and `_byte` together take less than a tenth of a byte for each of many rows."""
    data = converted(b"abc0001\n" * 100_000, LAYOUT).sink.closed["part-00000.parquet"]
    group = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    sizes = {group.column(n).path_in_schema: group.column(n).total_compressed_size for n in range(group.num_columns)}
    assert sizes["_file"] + sizes["_line"] + sizes["_byte"] < 10_000


def test_the_footer_says_what_was_read_with_what() -> None:
    """Layout, its digest, the source, its hash and size: what is known before a record is decoded, in every part."""
    found = converted(lines(), MADE)
    metadata = pq.read_metadata(io.BytesIO(found.sink.closed["part-00000.parquet"])).metadata
    said = {key.decode().removeprefix("posicional."): value.decode() for key, value in metadata.items()}
    assert said["layout"] == "made"
    assert said["layout_digest"] == "0" * 64
    assert said["source_sha256"] == found.told.sha256
    assert said["source_bytes"] == str(found.told.size)


def test_parts_tell_their_rows_and_bytes() -> None:
    """The fact that names a part says how large it is."""
    found = converted(lines(), MADE)
    (part,) = found.told.parts
    assert (part.rows, part.bytes) == (ROWS, len(found.sink.closed[part.name]))


def test_small_batches_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group has many rows, whatever comes in; dictionaries of several batches become one."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", 1000)
    sink = Parts()
    values = pa.array([f"state {n % 3}" for n in range(300)])
    batches = [pa.record_batch({"state": values.slice(at, 100).dictionary_encode()}) for at in (0, 100, 200)]
    writer = PartWriter(sink, "p", "t", batches[0].schema)
    for batch in batches * 4:
        writer.write(batch)
    assert writer.close({}).rows == 1200
    written = pq.ParquetFile(io.BytesIO(sink.closed["p"]))
    assert [written.metadata.row_group(n).num_rows for n in range(written.num_row_groups)] == [1000, 200]
    assert written.read()["state"].to_pylist() == values.to_pylist() * 4


def test_a_part_given_up_is_not_closed() -> None:
    """A writer that is dropped leaves nothing behind that counts."""
    sink = Parts()
    writer = PartWriter(sink, "p", "t", pa.schema([("n", pa.int64())]))
    writer.write(pa.record_batch({"n": pa.array([1])}))
    del writer
    assert sink.closed == {}


def test_nothing_is_guessed_from_a_few_rows() -> None:
    """Without a sample worth the name there are no dictionaries."""
    schema = pa.schema([("s", pa.string()), ("n", pa.int64())])
    few = pa.record_batch({"s": pa.array(["a"] * 10), "n": pa.array([1] * 10)}, schema=schema)
    assert encodings(schema, few)["use_dictionary"] == []
    assert encodings(schema, None)["column_encoding"] == {"n": "DELTA_BINARY_PACKED"}
