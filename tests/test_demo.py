"""`posicional demo`: what it shows is what it made."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from commands import files_below, parts_of, posicional, table_of
from planos_day import DATE, FILES


def test_it_shows_a_whole_day(tmp_path: Path) -> None:
    """Seven files come one by one in the order of the clock; every path named is there; a second demo replaces it."""
    folder = tmp_path / "demo"
    words = ("demo", folder, "--date", DATE, "--rows", "300")
    said = posicional(*words)
    assert (said.code, said.err) == (0, ""), said.text
    arrived = re.findall(r"^(\d\d:\d\d:\d\d)  arrived +(\w+):", said.out, re.MULTILINE)
    assert {name for _, name in arrived} == set(FILES)
    assert [moment for moment, _ in arrived] == sorted({moment for moment, _ in arrived})
    assert said.out.index("succeeded  run 1") < said.out.index("published  publication 1") < said.out.index("next: ")
    named = re.findall(rf"{folder}\S*", said.out)
    assert len(named) >= 5
    assert all(Path(path).exists() for path in named)
    _the_reader_is_told_the_truth(said.out, folder)
    status = posicional("status", folder / "feed" / "feed.yaml", "--date", DATE)
    assert "next: nothing; run 1 is current and published" in status.out, "the feed finds its store by itself"
    (folder / "dados" / "of-the-first").touch()
    assert posicional(*words).code == 0
    assert not (folder / "dados" / "of-the-first").exists()


def _the_reader_is_told_the_truth(out: str, folder: Path) -> None:
    """The one query: how many were found, and the dearest of them, are what the Parquet says."""
    parts = parts_of(folder / "feed" / "feed.yaml", "contratos_ativos", DATE, folder / "dados")
    asked = re.search(r"contracts in (\w\w) from (\d+) a month: (\d+) found", out)
    assert asked, out
    told = re.findall(r"^  (\d{10})  .*R\$ ([\d.]+)$", out, re.MULTILINE)
    there = [row for row in table_of(parts).to_pylist() if row["uf"] == asked[1]]
    prices = {row["numero_contrato"]: row["valor"] for row in there if row["valor"] >= int(asked[2])}
    assert len(prices) == int(asked[3])
    assert [Decimal(price) for _, price in told] == sorted(prices.values(), reverse=True)[: len(told)]
    assert told == [(number, str(prices[number])) for number, _ in told]
    assert len(told) == 3


def test_a_day_that_goes_wrong(tmp_path: Path) -> None:
    """The alarm at noon names what is missing and what was refused; the refused file is accepted with its reason, the
    late one ends the alarm, and a correction is seen by the reader: in this order, and as the ledger has it.
    """
    folder = tmp_path / "demo"
    said = posicional("demo", folder, "--date", DATE, "--rows", "300", "--trouble")
    assert (said.code, said.err) == (0, ""), said.text
    order = [
        "refused    sinistros: the trailer",
        "[planos] 22/11 12:00 ATRASADO: faltam 2 de 7. Nada publicado; os leitores veem 21/11 (run 1).",
        "  falta     clientes   costuma chegar 08:37 · mainframe-ops@example.com · último: 21/11 08:37",
        "  recusado  sinistros  09:26  o trailer (linha",
        "$ posicional accept",
        "arrival 1 of sinistros counts, although it was refused",
        "published  publication 1 of run 1",
        "[planos] 22/11 12:00 publicado com atraso, 22/11 12:31.",
        "published  publication 2 of run 2",
        "next: nothing; run 2 is current and published at opensearch",
    ]
    places = [said.out.find(text) for text in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)
    assert said.out.count("ATRASADO") == 1
    facts = files_below(folder / "dados" / "controle" / "planos" / DATE)
    assert {"decisions/0001.json", "runs/0002.end.json", "arrivals/contratos/0002.seen.json"} <= set(facts)
    assert [name for name in facts if name.startswith("alerts/")] == [
        "alerts/deadline-0001.due.json",
        "alerts/deadline-0001.sent.json",
        "alerts/deadline-0002.due.json",
        "alerts/deadline-0002.sent.json",
    ]
    before, after = re.split(r"comes again, with contract \d{10} cheaper", said.out)
    contract = re.findall(r"with contract (\d{10}) cheaper", said.out)[0]
    prices = [Decimal(re.findall(rf"^  {contract} .*R\$ ([\d.]+)$", part, re.MULTILINE)[0]) for part in (before, after)]
    assert prices[0] - prices[1] == Decimal(300)
    _the_reader_is_told_the_truth(after, folder)


def test_it_never_replaces_other_files(tmp_path: Path) -> None:
    """A folder that holds anything else than an earlier demo is left alone: exit 2."""
    other = tmp_path / "mine"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    said = posicional("demo", other)
    assert said.code == 2
    assert str(other) in said.err
    assert files_below(other) == {"letter.txt": b"dear"}
