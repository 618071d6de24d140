"""`posicional trace`: from a document back to the line it came from, as it arrived."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

import planos_by_hand as by_hand
import publishing
from commands import PLANOS, Said, arrive, posicional
from planos_day import DATE, World, path_of
from planos_day import world as world_at
from posicional.contract.feed import IndexOf
from posicional.contract.layout import Field, Layout, Match, RecordKind, When
from posicional.demo.osmem import start
from posicional.errors import DataRefused
from posicional.records.lone import lone, record_at
from posicional.steps.trace import trace as follow
from publishing import YESTERDAY
from test_framing import Bytes
from worlds import DAY

ROWS = 60
CPF = slice(29, 40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seven files of a day."""
    made = tmp_path_factory.mktemp("sample")
    assert posicional("sample", made, "--date", DATE, "--rows", str(ROWS)).code == 0
    return made


@contextmanager
def published(folder: Path, home: Path) -> Iterator[World]:
    """A day that is published; contracts arrived compressed."""
    with world_at(home / "dados") as made:
        packed = home / f"{path_of(folder, 'contratos').name}.gz"
        packed.write_bytes(gzip.compress(path_of(folder, "contratos").read_bytes()))
        made.arrive(folder, *(name for name in by_hand.CUTS if name != "contratos"))
        arrive(made.store, packed)
        said = made.run()
        assert said.code == 0, said.text
        yield made


@pytest.fixture(scope="module")
def day(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests that change nothing."""
    with published(folder, tmp_path_factory.mktemp("day")) as made:
        yield made


def trace(day: World, *words: str) -> Said:
    """The command."""
    return posicional("trace", PLANOS, *words, "--store", day.store, env={"OPENSEARCH_URL": day.url})


def line_of(folder: Path, number: int) -> bytes:
    """A line of the contracts as they arrived."""
    return path_of(folder, "contratos").read_bytes().split(b"\n")[number - 1]


def cpf_of(folder: Path, said: Said) -> str:
    """The personal field of the line that was shown."""
    number = re.search(r"^line +([\d,]+)", said.out, re.MULTILINE)
    assert number, said.out
    return line_of(folder, int(number[1].replace(",", "")))[CPF].decode()


def test_every_document_leads_to_its_line(day: World, folder: Path) -> None:
    """Line and byte of what is printed are those of the line with the document's number, also in a compressed file."""
    documents = day.documents("contratos")
    assert len(documents) > 10
    data = path_of(folder, "contratos").read_bytes()
    for name in [*documents][:5]:
        said = trace(day, name, "--json")
        assert said.code == 0, said.text
        origin = said.json["origin"]
        assert data[origin["byte"] : origin["byte"] + 10].decode() == name
        assert line_of(folder, origin["line"]).startswith(name.encode())
        assert said.json["shown"]["first"][0]["cells"].startswith(name)
        assert (said.json["arrived"]["file"], said.json["arrived"]["number"]) == ("contratos", 1)


def test_the_line_stands_under_a_ruler_with_its_values(day: World, folder: Path) -> None:
    """As a person reads it: where from, the line, each field's value; what is personal is hidden."""
    name = next(iter(day.documents("contratos")))
    said = trace(day, name)
    assert said.code == 0, said.text
    cpf = cpf_of(folder, said)
    assert f"document  {name}\n" in said.out
    assert f"run       1 of {DATE}\n" in said.out
    assert "file      CONTRATOS_20261122.txt.gz: arrival 1 of contratos" in said.out
    assert re.search(rf"^  +\d+ {name}\w+", said.out, re.MULTILINE)
    assert re.search(rf"^  1-10 +numero_contrato +string +{name}$", said.out, re.MULTILINE)
    assert cpf.isdigit()
    assert cpf not in said.out
    assert "(personal)" in said.out


def test_what_is_personal_is_shown_for_a_reason_that_is_written_down(day: World, folder: Path) -> None:
    """Never without a reason; with one, the ledger says who, why, and which line, before it is shown."""
    name = next(iter(day.documents("contratos")))
    for words in (["--reveal"], ["--why", "complaint"], ["--reveal", "--why", "  "]):
        assert trace(day, name, *words).code == 2
    assert not any(path.startswith("decisions") for path in day.facts)
    said = trace(day, name, "--reveal", "--why", "complaint 4711")
    assert said.code == 0, said.text
    cpf = cpf_of(folder, said)
    assert cpf in said.out
    fact = day.facts["decisions/0001.json"]
    assert (fact["decision"], fact["why"]) == ("note", "complaint 4711")
    line = fact["about"].pop("line")
    assert line_of(folder, line).startswith(name.encode())
    assert fact["about"] == {"file": "contratos", "arrival": 1, "revealed": "CONTRATOS_20261122.txt.gz"}
    assert "@" in fact["who"], "who, and from where"
    assert cpf not in json.dumps(day.facts)
    assert day.run().out.rstrip().endswith("run 1 is current and published at opensearch"), "nothing else changes"


def test_a_document_that_is_not_there(day: World) -> None:
    """Says where it was looked for; so do a dataset and a date."""
    said = trace(day, "9999999999")
    assert (said.code, said.out) == (2, "")
    assert "there is no document '9999999999'" in said.err
    assert "contratos, resumo-planos" in said.err
    assert "contratos-2026-11-21" in trace(day, "9999999999", "--date", "2026-11-21").err
    assert "did you mean contratos_ativos?" in trace(day, "1", "--dataset", "contratos_ativo").err


def test_a_summed_up_row_has_no_line(day: World) -> None:
    """Said plainly, with the run."""
    name = next(iter(day.documents("resumo-planos")))
    said = trace(day, name, "--dataset", "resumo_planos")
    assert said.code == 0, said.text
    assert "summed up of many rows" in said.out
    assert f"run       1 of {DATE}" in said.out


def test_a_file_that_has_changed_since(folder: Path, tmp_path: Path) -> None:
    """What is there now is not what the row came from: it is said which arrival that was, and nothing else is shown."""
    with published(folder, tmp_path) as day:
        name = next(iter(day.documents("contratos")))
        packed = tmp_path / "CONTRATOS_20261122.txt.gz"
        packed.write_bytes(gzip.compress(path_of(folder, "contratos").read_bytes() + b"\n"))
        arrive(day.store, packed, after=60)
        for _ in ("changed", "removed"):
            said = trace(day, name)
            assert said.code == 4, said.text
            assert "is no longer what arrived as arrival 1: it was changed or removed since" in said.out
            assert "----+---10" not in said.out
            (day.store / "dados-posicionais" / packed.name).unlink(missing_ok=True)


def test_without_opensearch(day: World) -> None:
    """The run's datasets say the same, when the date is named."""
    name = next(iter(day.documents("contratos")))
    online = trace(day, name, "--json").json
    said = posicional(
        "trace", PLANOS, name, "--offline", "--date", DATE, "--store", day.store, "--json",
        env={"OPENSEARCH_URL": "http://127.0.0.1:9"},
    )  # fmt: skip
    assert said.code == 0, said.text
    assert said.json["shown"] == online["shown"]
    assert said.json["origin"] == {**online["origin"], "index": ""}
    assert "which date?" in trace(day, name, "--offline").err
    assert "no row has the id" in trace(day, "x", "--offline", "--date", DATE).err


def test_another_store_does_not_know_the_run(day: World, tmp_path: Path) -> None:
    """A document says of which run it is; a ledger without that run is the wrong one."""
    name = next(iter(day.documents("contratos")))
    said = posicional("trace", PLANOS, name, "--store", tmp_path / "other", env={"OPENSEARCH_URL": day.url})
    assert said.code == 2
    assert "the ledger knows no run 1" in said.err
    assert "--store" in said.err


# --- several days, and changes ---


def test_of_several_days_the_newest_is_meant(tmp_path: Path) -> None:
    """With `view: all` a key is there once a day; the others are named, and each can be asked for."""
    with start() as url:
        world = publishing.world_at(url, tmp_path, "all")
        for date_ in (YESTERDAY, DAY):
            world.run(1, rows=3, day=date_)
            world.publish(1, date_)
        found = follow(world.feed, "000001", world.outside())
        assert (found.origin.of, found.origin.others) == (DAY, (YESTERDAY,))
        earlier = follow(world.feed, "000001", world.outside(), day=YESTERDAY)
        assert (earlier.origin.of, earlier.origin.others) == (YESTERDAY, ())


def test_a_document_that_is_gone_leads_to_the_line_that_said_so(tmp_path: Path) -> None:
    """With `mode: upsert` what is gone is still there for those who ask by its id."""
    with start() as url:
        world = publishing.world_at(url, tmp_path)
        assert world.feed.opensearch is not None
        shown = {"ativos": IndexOf("ativos", "contratos", deleted="fora")}
        world.feed = replace(world.feed, opensearch=replace(world.feed.opensearch, datasets=shown, upsert=True))
        world.run(1, rows=2, fora=pa.array([True, False]))
        world.publish()
        gone = follow(world.feed, "000000", world.outside()).origin
        assert (gone.gone, gone.run, gone.of) == (True, 1, DAY)
        assert not follow(world.feed, "000001", world.outside()).origin.gone


# --- one record by itself ---------------------------------------------------------------------------------------------


def layout_of(framing: str, length: int = 4) -> Layout:
    """One field of four bytes, in records of a group."""
    fields = (Field("a", 0, length, "string", personal=True),)
    opens = RecordKind("lote", "header", When((Match(0, 1, (b"L",)),)), length, fields, opens="lote")
    kind = RecordKind("detail", "detail", When(otherwise=True), length, fields)
    return Layout("l", "x", "latin-1", "bytes", framing, "reject", (opens, kind))  # type: ignore[arg-type]  # a framing


@pytest.mark.parametrize(
    ("framing", "data", "byte", "expected"),
    [
        ("newline", b"aaaa\nbbbb\ncccc\n", 5, b"bbbb\n"),
        ("newline", b"aaaa\r\nbbbb\r\n", 6, b"bbbb\r\n"),
        ("newline", b"aaaa\nbbbb", 5, b"bbbb"),
        ("newline", b"x" * 200_000 + b"\ny", 0, b"x" * 200_000 + b"\n"),
        ("fixed", b"aaaabbbbcc", 4, b"bbbb"),
        ("fixed", b"aaaabbbbcc", 8, b"cc"),
        ("rdw", b"\0\x08\0\0aaaa\0\x06\0\0bb", 12, b"\0\x06\0\0bb"),
        ("bdw", b"\0\x12\0\0\0\x08\0\0aaaa\0\x06\0\0bb", 16, b"\0\x06\0\0bb"),
    ],
    ids="lf crlf last-line long fixed fixed-short rdw bdw".split(),  # noqa: SIM905
)
def test_a_record_is_found_by_its_byte(framing: str, data: bytes, byte: int, expected: bytes) -> None:
    """With its line end or its descriptor, whatever the framing."""
    assert record_at(Bytes(data), layout_of(framing), byte) == expected


@pytest.mark.parametrize(("framing", "byte"), [("newline", 99), ("fixed", -1), ("rdw", 2), ("rdw", 5)])
def test_where_no_record_begins(framing: str, byte: int) -> None:
    """A place outside the file, or behind no descriptor, is refused."""
    with pytest.raises(DataRefused, match="no record begins there"):
        record_at(Bytes(b"\0\x08\0\0aaaa\n"), layout_of(framing), byte)


def test_a_lone_record_expects_no_neighbours() -> None:
    """Neither a group that is open nor a sequence; fields stay personal unless they are revealed."""
    alone = lone(layout_of("bdw"), reveal=False)
    assert (alone.framing, alone.kinds[0].opens, alone.kinds[1].fields[0].personal) == ("rdw", "", True)
    assert not lone(layout_of("bdw"), reveal=True).kinds[1].fields[0].personal
