"""SIGTAP: seven real files of a month go through the command line and come out as an independent reader has them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from commands import SIGTAP, arrive_bytes, files_below, parts_of, posicional, table_of

FILES = (
    "tb_procedimento",
    "tb_grupo",
    "tb_sub_grupo",
    "tb_forma_organizacao",
    "tb_financiamento",
    "rl_procedimento_cid",
    "tb_cid",
)
MONTH = "2020-03"
DATASETS = ("procedimentos_alta_complexidade", "procedimentos_por_cid")


@pytest.fixture(scope="session")
def real(shared_data: Path) -> Path:
    """The folder of the month's files and of what is expected of them."""
    return shared_data / "sigtap-2020-03"


def lay(store: Path, real: Path, *, without: str = "", line_end: bytes = b"\n") -> None:
    """The month's files arrive under the table's name and the month."""
    for name in FILES:
        if name != without:
            data = (real / f"{name}.txt").read_bytes()
            assert b"\r" not in data
            arrive_bytes(store, f"{name}_202003.txt", data.replace(b"\n", line_end))


@pytest.fixture(scope="session")
def month(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the month has been run."""
    store = tmp_path_factory.mktemp("sigtap")
    lay(store, real)
    said = posicional("run", SIGTAP, "--date", MONTH, "--store", store)
    assert (said.code, said.err) == (0, ""), said.text
    assert "run 1 is current" in said.out
    return store


def columns_of(layout: Path) -> Iterator[tuple[str, slice]]:
    """The columns of an official layout, in lower case, and where they lie."""
    for row in csv.DictReader(layout.read_text(encoding="cp1252").splitlines()):
        yield row["Coluna"].lower(), slice(int(row["Inicio"]) - 1, int(row["Fim"]))


def rows_of(real: Path, name: str) -> list[dict[str, str]]:
    """The rows of a real file, cut in plain Python as the official layout beside it says."""
    columns = list(columns_of(real / f"{name}_layout.txt"))
    lines = (real / f"{name}.txt").read_bytes().decode("cp1252").split("\n")
    return [{name: line[at].strip(" ") for name, at in columns} for line in lines if line]


def test_high_complexity_is_what_an_independent_reader_found(month: Path, real: Path) -> None:
    """1,558 rows, their hospital costs add up to 2,336,745.60, and every value of every row is the expected one."""
    table = table_of(parts_of(SIGTAP, "procedimentos_alta_complexidade", MONTH, month))
    with (real / "expected_complexity3_procedures.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["CO_PROCEDIMENTO"]: row for row in csv.DictReader(file)}
    assert table.num_rows == len(expected) == 1558
    named = [name.lower().removesuffix("_dec") for name in next(iter(expected.values()))]
    assert table.column_names == [*named, "_file", "_line", "_byte"]
    rows = {row["co_procedimento"]: row for row in table.to_pylist()}
    assert sum(row["vl_sh"] for row in rows.values()) == Decimal("2336745.60")
    for code, row in expected.items():
        as_values = {
            name.lower().removesuffix("_dec"): Decimal(text) if name.endswith("_dec") else text
            for name, text in row.items()
        }
        assert {name: value for name, value in rows[code].items() if not name.startswith("_")} == as_values
    # Some names end or are parted by a no-break space, which is no blank: it must survive.
    assert any("\u00a0" in row["no_procedimento"] for row in rows.values())


def test_by_diagnosis_is_the_join_made_by_hand(month: Path, real: Path) -> None:
    """24,977 rows: the procedures of high complexity, once for each diagnosis, with the diagnosis' name."""
    table = table_of(parts_of(SIGTAP, "procedimentos_por_cid", MONTH, month))
    complex_ones = {
        row["co_procedimento"]: row["no_procedimento"]
        for row in rows_of(real, "tb_procedimento")
        if row["tp_complexidade"] == "3"
    }
    names = {row["co_cid"]: row["no_cid"] for row in rows_of(real, "tb_cid")}
    expected = {
        (
            row["co_procedimento"],
            complex_ones[row["co_procedimento"]],
            row["co_cid"],
            names[row["co_cid"]],
            row["st_principal"],
        )
        for row in rows_of(real, "rl_procedimento_cid")
        if row["co_procedimento"] in complex_ones
    }
    found = [
        (row["co_procedimento"], row["no_procedimento"], row["co_cid"], row["no_cid"], row["st_principal"])
        for row in table.to_pylist()
    ]
    assert len(found) == len(expected) == 24_977
    assert set(found) == expected


def test_it_publishes_nowhere_unless_told(month: Path) -> None:
    """No publication is in the ledger, and the day is done."""
    facts = {path.partition("/2020-03-01/")[2] for path in files_below(month / "controle")}
    assert not [name for name in facts if name.startswith("publications")]
    assert {"runs/0001.claim.json", "runs/0001.started.json", "runs/0001.end.json"} <= facts


def test_the_second_time_it_does_nothing_and_says_so(month: Path) -> None:
    """The same command again ends well, says that there was nothing to do, and changes no file."""
    before = files_below(month)
    said = posicional("run", SIGTAP, "--date", MONTH, "--store", month)
    assert said.code == 0
    assert "nothing to do: run 1 is current" in said.out
    assert files_below(month) == before


def test_a_month_that_ends_its_lines_with_crlf_is_the_same_month(month: Path, real: Path, tmp_path: Path) -> None:
    """The same layouts read CRLF files, and both datasets come out equal, but for the byte at which a line begins."""
    lay(tmp_path, real, line_end=b"\r\n")
    said = posicional("run", SIGTAP, "--date", MONTH, "--store", tmp_path)
    assert said.code == 0, said.text
    for name in DATASETS:
        ours, theirs = (table_of(parts_of(SIGTAP, name, MONTH, store)) for store in (tmp_path, month))
        order = [(key, "ascending") for key in ("co_procedimento", "co_cid") if key in ours.column_names]
        ours, theirs = (table.sort_by(order).drop_columns(["_byte"]) for table in (ours, theirs))
        assert ours.equals(theirs)


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named(missing: str, real: Path, tmp_path: Path) -> None:
    """Without one of the files the command ends with 3, and standard error says which and how it would be called."""
    lay(tmp_path, real, without=missing)
    said = posicional("run", SIGTAP, "--date", MONTH, "--store", tmp_path)
    assert said.code == 3
    assert f"1 of 7 files missing: {missing}" in said.err
    assert f"{missing}_202003.txt" in said.err
    assert not (tmp_path / "dados-processados").exists()


def test_a_dataset_of_a_month_that_is_not_complete_is_not_there(real: Path, tmp_path: Path) -> None:
    """`dataset` ends with 3 rather than naming parts that do not count."""
    lay(tmp_path, real, without="tb_cid")
    posicional("run", SIGTAP, "--date", MONTH, "--store", tmp_path)
    said = posicional("dataset", SIGTAP, DATASETS[0], "--date", MONTH, "--store", tmp_path)
    assert (said.code, said.out) == (3, "")
    assert "no run has made procedimentos_alta_complexidade for 2020-03 yet" in said.err
