"""COTAHIST: one real file with header, details and trailer is read to the last value, or refused as a whole."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commands import COTAHIST, posicional

RECORDS = 7520
SEED = 20210625


@pytest.fixture(scope="session")
def real(shared_data: Path) -> Path:
    """The real file of one trading day."""
    return shared_data / "cotahist" / "COTAHIST_D25062021.TXT"


@pytest.fixture(scope="session")
def lines(real: Path) -> list[bytes]:
    """Its lines, with their ends."""
    lines = real.read_bytes().splitlines(keepends=True)
    assert len(lines) == RECORDS
    return lines


def convert(file: Path, output: Path, *words: str) -> Any:
    """The command of the README."""
    return posicional("convert", file, "--layout", COTAHIST, "-o", output, *words)


def as_csv(kind: pa.DataType) -> Callable[[str], Any]:
    """How the independent reader's text of a column of this type is to be understood."""
    if pa.types.is_decimal(kind):
        return Decimal
    if pa.types.is_integer(kind):
        return int
    return date.fromisoformat if pa.types.is_date(kind) else str


def test_every_value_is_what_an_independent_reader_found(real: Path, shared_data: Path, tmp_path: Path) -> None:
    """7,518 rows in the file's order, each value equal, and the volume adds up to 33,577,581,321.31."""
    output = tmp_path / "cotacoes.parquet"
    said = convert(real, output)
    assert (said.code, said.err) == (0, "")
    assert "7,518 rows, 2 control, 0 rejected" in said.out
    table = pq.read_table(output)
    with (shared_data / "cotahist" / "expected_details.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    assert table.num_rows == len(expected) == 7518
    assert [name for name in table.column_names if not name.startswith("_")] == list(expected[0])
    for name in expected[0]:
        read = as_csv(table.schema.field(name).type)
        assert table[name].to_pylist() == [read(row[name]) if row[name] else None for row in expected], name
    assert sum(table["volume"].to_pylist()) == Decimal("33577581321.31")


def test_each_row_says_where_it_came_from(real: Path, lines: list[bytes], tmp_path: Path) -> None:
    """`_line` and `_byte` lead back to the record, whose symbol stands where the manual says."""
    convert(real, tmp_path / "o.parquet")
    table = pq.read_table(tmp_path / "o.parquet")
    data = real.read_bytes()
    assert table["_line"].to_pylist() == list(range(2, RECORDS))
    for row in table.select(["symbol", "_file", "_line", "_byte"]).slice(0, 7518).to_pylist()[::97]:
        assert row["_file"] == real.name
        assert data[row["_byte"] :].startswith(lines[row["_line"] - 1])
        assert lines[row["_line"] - 1][12:24].decode().strip() == row["symbol"]


seeded = sorted({1, 2, RECORDS - 1, RECORDS} | set(Random(SEED).sample(range(1, RECORDS + 1), 8)))


@pytest.mark.parametrize("number", seeded)
def test_a_file_without_one_of_its_records_is_refused(number: int, lines: list[bytes], tmp_path: Path) -> None:
    """Whichever record is gone (header, detail, trailer): exit 4, the reason, both numbers, and no output at all."""
    file = tmp_path / "COTAHIST_D25062021.TXT"
    file.write_bytes(b"".join(lines[: number - 1] + lines[number:]))
    output = tmp_path / "out" / "o.parquet"
    said = convert(file, output)
    assert said.code == 4
    assert str(file) in said.err
    if number == RECORDS:
        assert "ends without its trailer" in said.err
    else:
        assert "7520" in said.err
        assert "7519" in said.err
    if number == 1:
        assert "begins without its header" in said.err
    assert not list(output.parent.iterdir())


def test_a_record_too_many_is_refused(lines: list[bytes], tmp_path: Path) -> None:
    """A record that came twice does not agree with the trailer either."""
    number = Random(SEED).randrange(2, RECORDS - 1)
    file = tmp_path / "twice.txt"
    file.write_bytes(b"".join([*lines[:number], lines[number - 1], *lines[number:]]))
    said = convert(file, tmp_path / "o.parquet")
    assert said.code == 4
    assert "7520" in said.err
    assert "7521" in said.err
    assert not (tmp_path / "o.parquet").exists()


def test_a_refused_file_leaves_the_output_of_a_good_one_alone(real: Path, lines: list[bytes], tmp_path: Path) -> None:
    """Converting a bad file over a good result does not touch the result."""
    output = tmp_path / "o.parquet"
    assert convert(real, output).code == 0
    before = output.read_bytes()
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"".join(lines[:-2] + lines[-1:]))
    assert convert(bad, output).code == 4
    assert output.read_bytes() == before


def test_the_account_adds_up(real: Path, tmp_path: Path) -> None:
    """`--json` gives the account: every byte of the file went somewhere, every record is a row or a control record."""
    said = convert(real, tmp_path / "o.parquet", "--json")
    account = Counter(said.json["account"])
    assert said.json["accepted"] is True
    assert account["bytes"] == real.stat().st_size
    assert account["bytes"] == account["data"] + account["control"] + account["rejected"] + account["ignored"]
    assert (account["records"], account["rows"], account["controls"], account["rejects"]) == (RECORDS, 7518, 2, 0)
    assert said.json["tables"] == {"COTAHIST_D25062021": 7518}


def test_a_header_of_another_day_is_refused(real: Path, tmp_path: Path) -> None:
    """Told which day it should be, `convert` holds the header to it."""
    assert convert(real, tmp_path / "good.parquet", "--date", "2021-06-25").code == 0
    said = convert(real, tmp_path / "bad.parquet", "--date", "2021-06-26")
    assert said.code == 4
    assert "2021-06-25" in said.err
    assert "2021-06-26" in said.err
    assert not (tmp_path / "bad.parquet").exists()
