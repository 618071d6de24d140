"""Days of the demo feed on which something comes otherwise: flaws, corrections, the wrong day's file, a second run."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import planos_by_hand as by_hand
from commands import PLANOS, arrive, arrive_bytes, parts_of, posicional, table_of
from planos_day import ALIASES, DATE, DAY, FILES, ROWS, World, path_of, world
from posicional.demo.sample import write_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seven files of the day."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, DAY, ROWS)
    return folder


@pytest.fixture(scope="module")
def flawed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with everything wrong that the sample's module documents."""
    folder = tmp_path_factory.mktemp("flawed")
    write_sample(folder, DAY, ROWS, flaws=True)
    return folder


@pytest.fixture
def done(sample: Path, tmp_path: Path) -> Iterator[World]:
    """A finished day of one's own."""
    with world(tmp_path / "dados") as made:
        made.arrive(sample)
        said = made.run()
        assert said.code == 0, said.text
        yield made


def corrected(sample: Path) -> tuple[bytes, str, Decimal]:
    """The file of contracts with another price for one that is shown, its trailer corrected; which one, by how much."""
    number = by_hand.datasets(sample, DAY)["contratos_ativos"][0]["numero_contrato"]
    lines = path_of(sample, "contratos").read_bytes().split(b"\n")
    at = next(n for n, line in enumerate(lines) if line.startswith(number.encode()))
    price, total = int(lines[at][48:63]), int(lines[-2][21:39])
    lines[at] = lines[at][:48] + b"%015d" % (price + 12_345) + lines[at][63:]
    lines[-2] = lines[-2][:21] + b"%018d" % (total + 12_345) + lines[-2][39:]
    return b"\n".join(lines), number, Decimal("123.45")


def test_a_corrected_file_redoes_the_day_and_readers_change_over_at_once(done: World, sample: Path) -> None:
    """Arrival 2, run 2, a new dataset, a new index; the aliases show the new one alone; the first run's parts stay."""
    data, number, more = corrected(sample)
    before = {row["numero_contrato"]: row for row in done.rows("contratos_ativos")}
    first = parts_of(PLANOS, "contratos_ativos", DATE, done.store)
    arrive_bytes(done.store, path_of(sample, "contratos").name, data, after=60)
    said = done.run()
    assert said.code == 0, said.text
    after = {row["numero_contrato"]: row for row in done.rows("contratos_ativos")}
    assert after.keys() == before.keys()
    assert {key for key in after if after[key] != before[key]} == {number}
    assert after[number]["valor"] - before[number]["valor"] == more
    assert parts_of(PLANOS, "contratos_ativos", DATE, done.store) != first
    assert table_of(first).num_rows == len(before), "the first run's parts are still what they were"
    facts = done.facts
    assert facts["arrivals/contratos/0002.done.json"]["status"] == "converted"
    assert facts["runs/0002.claim.json"]["inputs"]["contratos"]["arrival"] == 2
    assert facts["runs/0002.claim.json"]["inputs"]["clientes"]["arrival"] == 1
    assert facts["publications/opensearch/0002.end.json"]["run"] == 2
    assert "contratos" in said.out
    assert "(arrival 2)" in said.out
    for alias in ALIASES.values():
        assert done.shown_by(alias) == done.shown_by(f"{alias}-{DATE}") == [f"{alias}-{DATE}-0002-0002"]
    shown = done.documents("contratos")[number]
    assert Decimal(str(shown["valor"])) == after[number]["valor"]
    assert shown["posicional"]["run"] == 2
    assert "nothing to do: run 2 is current" in done.run().out


def test_the_aliases_move_in_one_call(done: World, sample: Path) -> None:
    """Both datasets' aliases change over together: the endpoint is asked once, and no reader can fall between."""
    data, _, _ = corrected(sample)
    arrive_bytes(done.store, path_of(sample, "contratos").name, data, after=60)
    with _counting(done.url) as (url, requests):
        said = posicional("run", PLANOS, "--date", DATE, "--store", done.store, env={"OPENSEARCH_URL": url})
    assert said.code == 0, said.text
    swaps = [json.loads(body)["actions"] for method, path, body in requests if path.startswith("/_aliases")]
    assert len(swaps) == 1
    added = [action["add"]["alias"] for action in swaps[0] if "add" in action]
    assert sorted(added) == sorted([*ALIASES.values(), *(f"{alias}-{DATE}" for alias in ALIASES.values())])
    removed = [action["remove"] for action in swaps[0] if "remove" in action]
    assert {action["index"] for action in removed} == {f"{alias}-{DATE}-0001-0001" for alias in ALIASES.values()}
    assert all(action["must_exist"] for action in removed)


@contextmanager
def _counting(target: str) -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A door before the endpoint that notes what goes through: method, path, body."""
    requests: list[tuple[str, str, bytes]] = []

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            requests.append((self.command, self.path, body))
            kind = {"Content-Type": self.headers.get("Content-Type") or "application/json"}
            asked = Request(target + self.path, body or None, kind, method=self.command)  # noqa: S310 - our own http URL
            try:
                with urlopen(asked) as answer:  # noqa: S310 - the same
                    status, data = answer.status, answer.read()
            except HTTPError as error:
                status, data = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_same_file_sent_again_changes_nothing(done: World, sample: Path) -> None:
    """A second delivery of the same bytes is an arrival, but no reason for another run or publication."""
    done.arrive(sample, "sinistros", after=60)
    said = done.run()
    assert said.code == 0, said.text
    facts = done.facts
    assert "arrivals/sinistros/0002.done.json" in facts
    assert "runs/0002.claim.json" not in facts
    assert "publications/opensearch/0002.claim.json" not in facts


def test_yesterdays_file_under_todays_name_is_refused(sample: Path, tmp_path: Path) -> None:
    """The header's day must be the name's: exit 4, both days named, no run; the right file heals the day."""
    write_sample(tmp_path, date(2026, 11, 21), ROWS)
    yesterday = tmp_path / "PAGAMENTOS_20261121.txt"
    with world(tmp_path / "dados") as made:
        for name in FILES:
            if name != "pagamentos":
                made.arrive(sample, name)
        arrive(made.store, yesterday, PAGAMENTOS_20261121="PAGAMENTOS_20261122.txt")
        said = made.run()
        assert said.code == 4
        assert "refused: pagamentos" in said.err
        assert re.search(r"data_ref 2026-11-21, expected 2026-11-22", said.out)
        assert not [name for name in made.facts if name.startswith("runs/")]
        made.arrive(sample, "pagamentos", after=60)
        assert made.run().code == 0
        assert made.facts["runs/0001.claim.json"]["inputs"]["pagamentos"]["arrival"] == 2


REFUSALS = {
    "contratos": ["4 of 122 records are rejected", r"line \d+, inicio 41-48: not a date"],
    "clientes": ["1 of 86 records are rejected", r"line \d+, nome 13-62: not in the encoding"],
    "dependentes": [r"1 of \d+ records are rejected", r"line \d+"],
    "pagamentos": ["data_ref 2026-11-21, expected 2026-11-22"],
    "sinistros": [r"says (\d+) records, (\d+) were read"],
    "corretores": ["ends without its trailer"],
}
"""What the documented flaws of the sample lead to."""


@pytest.fixture(scope="module")
def bad_day(flawed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A day on which all seven came with their flaws."""
    with world(tmp_path_factory.mktemp("bad")) as made:
        made.arrive(flawed)
        made.run()
        yield made


def test_a_day_full_of_flaws_is_refused_file_by_file(bad_day: World) -> None:
    """Exit 4, the six refused files named, no run, nothing published; the good one is converted."""
    said = bad_day.said[0]
    assert said.code == 4
    assert all(f"{name}: " in said.err for name in REFUSALS)
    assert "planos: " not in said.err
    facts = bad_day.facts
    assert not [name for name in facts if name.startswith(("runs/", "publications/"))]
    assert facts["arrivals/planos/0001.done.json"]["status"] == "converted"
    assert bad_day.client.indices.get(index="*") == {}
    assert not (bad_day.store / "dados-processados").exists()


@pytest.mark.parametrize("name", REFUSALS)
def test_every_flaw_is_refused_for_its_own_reason(name: str, bad_day: World) -> None:
    """The fact and the report say what is wrong with the file."""
    done = bad_day.facts[f"arrivals/{name}/0001.done.json"]
    texts = [problem["text"] for problem in done["problems"]]
    assert done["status"] == "refused"
    for expected in REFUSALS[name]:
        assert any(re.search(expected, text) for text in texts), texts
    for text in texts:
        assert f"refused: {text}" in bad_day.said[0].out


def test_a_wrong_trailer_names_both_numbers(bad_day: World, flawed: Path) -> None:
    """The sample's trailer of claims counts 1,239 records more than there are."""
    count = len(by_hand.details(flawed, "sinistros", DAY)) + 2
    text = bad_day.facts["arrivals/sinistros/0001.done.json"]["problems"][0]["text"]
    assert f"says {count + 1239} records, {count} were read" in text


def test_rejects_keep_the_record_and_the_reason(bad_day: World, flawed: Path) -> None:
    """The four bad contracts stand among the rejects: their line, where in it, why, and their bytes as they came."""
    done = bad_day.facts["arrivals/contratos/0001.done.json"]
    rejects = table_of([bad_day.store / part["key"] for part in done["rejects"]]).to_pylist()
    lines = path_of(flawed, "contratos").read_bytes().split(b"\n")
    assert [(row["field"], row["reason"]) for row in rejects] == [
        ("inicio", "not a date"),
        ("valor", "not a number"),
        (None, "too short"),
        (None, "too long"),
    ]
    for row in rejects:
        assert row["raw"] == lines[row["line"] - 1]
    assert [(row["start"], row["stop"]) for row in rejects[:2]] == [(41, 48), (49, 63)]


def test_good_files_heal_a_bad_day(flawed: Path, sample: Path, tmp_path: Path) -> None:
    """The files sent again without flaws lead to run 1 of the second arrivals, and to what they lead to anyway."""
    with world(tmp_path / "dados") as made:
        made.arrive(flawed)
        assert made.run().code == 4
        made.arrive(sample, *REFUSALS, after=60)
        assert made.run().code == 0
        inputs = made.facts["runs/0001.claim.json"]["inputs"]
        assert {name: inputs[name]["arrival"] for name in FILES} == {name: 2 - (name == "planos") for name in FILES}
        assert made.rows("resumo_planos") == by_hand.datasets(sample, DAY)["resumo_planos"]


def test_a_refused_correction_leaves_the_day_as_it_was(done: World, flawed: Path, sample: Path) -> None:
    """The old arrival stays current: same run, same documents; the command says 4 and which file; a good one heals."""
    before = done.documents("contratos")
    done.arrive(flawed, "contratos", after=60)
    said = done.run()
    assert said.code == 4
    assert "refused: contratos" in said.err
    assert "run 1  succeeded" in said.out
    assert done.facts["arrivals/contratos/0002.done.json"]["status"] == "refused"
    assert "runs/0002.claim.json" not in done.facts
    assert done.documents("contratos") == before
    assert done.rows("contratos_ativos") == by_hand.datasets(sample, DAY)["contratos_ativos"]
    data, _, _ = corrected(sample)
    arrive_bytes(done.store, path_of(sample, "contratos").name, data, after=120)
    assert done.run().code == 0
    assert done.facts["runs/0002.claim.json"]["inputs"]["contratos"]["arrival"] == 3


def test_the_next_day_takes_the_alias_and_an_older_one_does_not_take_it_back(done: World, tmp_path: Path) -> None:
    """`view: latest` shows the newest business date; each day keeps an alias of its own."""
    for day in (date(2026, 11, 23), date(2026, 11, 21)):
        folder = tmp_path / day.isoformat()
        arrive(done.store, *write_sample(folder, day, 20))
        env = {"OPENSEARCH_URL": done.url}
        said = posicional("run", PLANOS, "--date", day.isoformat(), "--store", done.store, env=env)
        assert said.code == 0, said.text
        assert done.shown_by("contratos") == ["contratos-2026-11-23-0001-0001"]
        assert done.shown_by(f"contratos-{day}") == [f"contratos-{day}-0001-0001"]
    assert done.shown_by(f"contratos-{DATE}") == [f"contratos-{DATE}-0001-0001"]


def test_again_processes_the_day_anew(done: World) -> None:
    """`--again` is a decision in the ledger and leads to run 2, with the same rows."""
    before = done.rows("resumo_planos")
    assert done.run("--again").code == 0
    facts = done.facts
    assert facts["decisions/0001.json"]["decision"] == "rerun"
    assert facts["runs/0002.end.json"]["status"] == "succeeded"
    assert done.rows("resumo_planos") == before
    assert done.shown_by("contratos") == [f"contratos-{DATE}-0002-0002"]


def test_without_publishing_readers_see_nothing_until_asked(sample: Path, tmp_path: Path) -> None:
    """`--no-publish` stops at the datasets; the next plain run publishes that very run."""
    with world(tmp_path / "dados") as made:
        made.arrive(sample)
        said = made.run("--no-publish")
        assert said.code == 0
        assert "not published" in said.out
        assert made.client.indices.get(index="*") == {}
        assert made.run().code == 0
        assert made.facts["publications/opensearch/0001.end.json"]["run"] == 1
        assert "runs/0002.claim.json" not in made.facts
