"""The demo day from its first file to the last document: the command line, the real engine, a real endpoint.

What comes out is compared with what plain Python makes of the same files (`planos_by_hand`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import planos_by_hand as by_hand
from commands import PLANOS, files_below, posicional, table_of
from planos_day import ALIASES, DATASETS, DATE, DAY, FILES, KEYS, ROWS, World, path_of, world
from posicional.demo.sample import write_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seven files of the day."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, DAY, ROWS)
    return folder


@pytest.fixture(scope="module")
def day(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The whole demo day: the files arrived one by one, after each of them somebody ran the day."""
    with world(tmp_path_factory.mktemp("planos")) as made:
        for name in FILES:
            made.arrive(sample, name)
            made.run()
        yield made


def test_the_gate_opens_once_the_last_file_is_here(day: World) -> None:
    """Six times it ends with 3 and names what is missing; the seventh does all the rest and ends with 0."""
    first = day.said[: len(FILES)]
    assert [said.code for said in first] == [3, 3, 3, 3, 3, 3, 0]
    for number, said in enumerate(first[:-1], start=1):
        missing = FILES[number:]
        assert f"{len(missing)} of 7 files missing: {', '.join(missing)}" in said.err
        assert all(path_of(Path(), name).name in said.err for name in missing)
        assert "run 1" not in said.out
    assert first[-1].err == ""


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_parquet_value_by_value(name: str, day: World, sample: Path) -> None:
    """The parts that the fact names hold what stands in the file, cut by hand, and say where each row stands."""
    done = day.facts[f"arrivals/{name}/0001.done.json"]
    table = table_of([day.store / part["key"] for part in done["parts"]])
    assert {part["table"] for part in done["parts"]} == {name}
    own = [column for column in table.column_names if not column.startswith("_")]
    assert table.select(own).to_pylist() == by_hand.rows(sample, name, DAY)
    lines = by_hand.details(sample, name, DAY)
    data = path_of(sample, name).read_bytes()
    assert table["_file"].to_pylist() == [path_of(sample, name).name] * len(lines)
    assert table["_line"].to_pylist() == list(range(2, len(lines) + 2))
    for line, byte in zip(lines, table["_byte"].to_pylist(), strict=True):
        assert data[byte : byte + len(line)] == line


@pytest.mark.parametrize("name", DATASETS)
def test_each_dataset_is_what_plain_python_makes_of_the_files(name: str, day: World, sample: Path) -> None:
    """Filter and joins over all seven files: every row, every value; and not a trivial one."""
    expected = by_hand.datasets(sample, DAY)[name]
    assert day.rows(name) == expected
    assert len(expected) > 3


def test_the_filter_of_the_article_holds(day: World, sample: Path) -> None:
    """There are basic contracts in the file, and none in the dataset nor among the documents."""
    basic = [row for row in by_hand.rows(sample, "contratos", DAY) if row["plano"] == "BASIC"]
    assert basic
    assert {row["plano"] for row in day.rows("contratos_ativos")}.isdisjoint({"BASICO", "BASIC"})
    assert not {row["numero_contrato"] for row in basic} & day.documents("contratos").keys()


@pytest.mark.parametrize("dataset", ALIASES)
def test_readers_see_every_row_as_a_document(dataset: str, day: World, sample: Path) -> None:
    """Behind the alias: one document a row, its id the key, each value the row's, with the run and date it is of and,
    where that is one, the line that it came from.
    """
    expected = {row[KEYS[dataset]]: row for row in by_hand.datasets(sample, DAY)[dataset]}
    documents = day.documents(ALIASES[dataset])
    assert documents.keys() == expected.keys()
    for key, document in documents.items():
        row = {name: value for name, value in expected[key].items() if value is not None}
        line = {name: row.pop(f"_{name}") for name in ("file", "line", "byte") if f"_{name}" in row}
        assert document.pop("posicional") == {"run": 1, "date": DATE, **line}
        assert bool(line) == (dataset == "contratos_ativos")
        assert {name: _as_value(value, row[name]) for name, value in document.items()} == row


def _as_value(found: Any, expected: Any) -> Any:
    """A JSON value in the type of the row's: numbers by their digits, dates by their text."""
    if isinstance(expected, Decimal):
        return Decimal(str(found))
    return date.fromisoformat(found) if isinstance(expected, date) else found


def test_numbers_can_be_asked_for_as_numbers(day: World, sample: Path) -> None:
    """A range and an order over the monthly price are by number, not by text."""
    expected = sorted(
        (row for row in by_hand.datasets(sample, DAY)["contratos_ativos"] if row["mensalidade"] >= 500),
        key=lambda row: (-row["mensalidade"], row["numero_contrato"]),
    )
    query = {
        "size": 500,
        "query": {"range": {"mensalidade": {"gte": 500}}},
        "sort": [{"mensalidade": "desc"}, {"numero_contrato": "asc"}],
    }
    hits = day.client.search(index="contratos", body=query)["hits"]["hits"]
    assert [hit["_id"] for hit in hits] == [row["numero_contrato"] for row in expected]
    assert any(row["mensalidade"] >= 1000 for row in expected), "else text would give the same order"


def test_the_aliases_show_this_publication_only(day: World) -> None:
    """The alias of all days and the day's own show the same new index, and nothing else is there."""
    for dataset, alias in ALIASES.items():
        index = f"{alias}-{DATE}-0001-0001"
        assert day.shown_by(alias) == day.shown_by(f"{alias}-{DATE}") == [index], dataset
    assert sorted(day.client.indices.get(index="*")) == [f"{alias}-{DATE}-0001-0001" for alias in ALIASES.values()]


def test_the_ledger_tells_the_day(day: World, sample: Path) -> None:
    """The facts have the design's names, and say what happened in order: arrivals, the run, the publication."""
    facts = day.facts
    assert set(facts) == {
        *(f"arrivals/{name}/0001.{what}.json" for name in FILES for what in ("seen", "done")),
        *(f"runs/0001.{what}.json" for what in ("claim", "started", "end")),
        *(f"publications/opensearch/0001.{what}.json" for what in ("claim", "end")),
    }
    for name in FILES:
        seen, done = facts[f"arrivals/{name}/0001.seen.json"], facts[f"arrivals/{name}/0001.done.json"]
        data, count = path_of(sample, name).read_bytes(), len(by_hand.details(sample, name, DAY))
        assert seen["key"] == f"dados-posicionais/{path_of(sample, name).name}"
        assert seen["size"] == done["size"] == done["account"]["bytes"] == len(data)
        assert (done["status"], done["problems"], done["rejects"]) == ("converted", [], [])
        assert (done["account"]["records"], done["account"]["rows"]) == (count + 2, count)
        assert done["tables"] == {name: count}
        assert [control["kind"] for control in done["controls"]] == ["header", "trailer"]
        assert done["controls"][0]["values"]["data_ref"] == DATE
        assert done["controls"][1]["values"]["registros"] == count + 2
        assert seen["at"] <= done["at"] <= facts["runs/0001.claim.json"]["at"]
    claim, end = facts["runs/0001.claim.json"], facts["runs/0001.end.json"]
    assert claim["inputs"] == {
        name: {
            "arrival": 1,
            "sha256": facts[f"arrivals/{name}/0001.done.json"]["sha256"],
            "reading": claim["inputs"][name]["reading"],
            "of": None,  # of this very date
        }
        for name in FILES
    }
    assert (end["status"], end["reason"], list(end["datasets"])) == ("succeeded", "", list(DATASETS))
    published = facts["publications/opensearch/0001.end.json"]
    assert (published["status"], published["run"]) == ("succeeded", 1)
    assert published["datasets"].keys() == ALIASES.keys()
    moments = [facts[f"{name}.json"]["at"] for name in ("runs/0001.claim", "runs/0001.started", "runs/0001.end")]
    moments += [facts[f"publications/opensearch/0001.{what}.json"]["at"] for what in ("claim", "end")]
    assert moments == sorted(moments)
    assert len({fact["writer"] for fact in facts.values()}) == len(facts), "every write has an id of its own"


def test_parts_lie_where_the_design_says_and_are_named_by_facts(day: World) -> None:
    """Every Parquet file below the store is named by exactly one fact, with its rows and its size."""
    facts = day.facts
    named = [part for fact in facts.values() for part in fact.get("parts", [])]
    named += [part for dataset in facts["runs/0001.end.json"]["datasets"].values() for part in dataset["parts"]]
    there = {str(path.relative_to(day.store)) for path in day.store.rglob("*.parquet")}
    assert sorted(part["key"] for part in named) == sorted(there)
    for part in named:
        assert (day.store / part["key"]).stat().st_size == part["bytes"]
        assert pq.ParquetFile(day.store / part["key"]).metadata.num_rows == part["rows"]
    for name in FILES:
        pattern = rf"dados-parquet/planos/{name}/data={DATE}/arrival=0001/[^/]+/part-00000\.parquet"
        assert [key for key in there if re.fullmatch(pattern, key)]
    for name in DATASETS:
        assert f"dados-processados/planos/{name}/data={DATE}/run=0001/part-00000.parquet" in there
    assert not list(day.store.rglob(".*")), "nothing hidden is left behind"


def test_the_report_tells_the_day(day: World, sample: Path) -> None:
    """The last run's report, and `status`, name each file's rows, the run's datasets, and what readers see."""
    status = posicional("status", PLANOS, "--date", DATE, "--store", day.store, env={"OPENSEARCH_URL": day.url})
    expected = by_hand.datasets(sample, DAY)
    for text in (day.said[len(FILES) - 1].out, status.out):
        for name in FILES:
            count = len(by_hand.details(sample, name, DAY))
            assert re.search(rf"^  {name} +converted .*{path_of(sample, name).name}: {count} rows", text, re.MULTILINE)
        assert re.search(r"^run 1  succeeded .*, current$", text, re.MULTILINE)
        for name, rows in expected.items():
            assert f"  {name}: {len(rows)} rows" in text
        for dataset, alias in ALIASES.items():
            assert f"{dataset}: {len(expected[dataset])} documents in {alias}-{DATE}-0001-0001" in text
        assert "next: nothing; run 1 is current and published at opensearch" in text
    assert (status.code, status.err) == (0, "")


def test_the_report_as_json_tells_the_same(day: World) -> None:
    """`run --json` and `status --json` print one document, and nothing else, with the same content."""
    run = day.run("--json")
    status = posicional("status", PLANOS, "--date", DATE, "--store", day.store, "--json")
    assert run.json == status.json
    told = status.json
    assert (told["feed"], told["date"], told["current"]) == ("planos", DATE, 1)
    assert {file["name"]: file["status"] for file in told["files"]} == dict.fromkeys(FILES, "converted")
    assert {shown["dataset"] for shown in told["shown"]} == set(ALIASES)


def test_the_second_time_nothing_is_done(day: World) -> None:
    """The same command again says so, writes no fact, no part, no document."""
    before, documents = files_below(day.store), day.documents("contratos")
    said = day.run()
    assert said.code == 0
    assert "nothing to do: run 1 is current and published at opensearch" in said.out
    assert files_below(day.store) == before
    assert day.documents("contratos") == documents


def test_the_deadline_is_met(day: World) -> None:
    """A published day lets the noon check end with 0, in time or late."""
    said = posicional("deadline", PLANOS, "--date", DATE, "--store", day.store)
    assert said.code == 0
    assert said.out.startswith("[planos] 22/11 12:00 publicado")
