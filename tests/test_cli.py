"""The command line as a person meets it: help, exit codes, one clear message, pipes, signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
import pyarrow.parquet as pq
import pytest

from commands import COTAHIST, EXAMPLES, PLANOS, SIGTAP, arrive, files_below, posicional, process, start
from posicional.cli import commands
from posicional.demo.sample import write_sample

DATE = "2026-11-22"
LAYOUTS = EXAMPLES / "planos" / "layouts"


def every(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    """All commands that do something, those of a group under both words."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from every(command, *above, name)
        else:
            yield " ".join((*above, name)), command


COMMANDS = dict(every(commands))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seven files of a day, few rows."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, date(2026, 11, 22), 20)
    return folder


@pytest.fixture(scope="module")
def contratos(sample: Path) -> Path:
    """One good file."""
    return sample / "CONTRATOS_20261122.txt"


@pytest.fixture(scope="module")
def ran(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the day has its datasets."""
    store = tmp_path_factory.mktemp("ran")
    arrive(store, *sample.iterdir())
    assert posicional("run", PLANOS, "--date", DATE, "--store", store, "--no-publish").code == 0
    return store


def _spellings(parameter: click.Parameter) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]


# --- help -------------------------------------------------------------------------------------------------------------


def test_the_commands_of_a_day_are_there() -> None:
    """What a day needs from its sample to its report has a command each."""
    assert {"check", "convert", "dataset", "deadline", "demo", "run", "sample", "status"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_that_the_command_understands(name: str) -> None:
    """`--help` ends with 0 and an example of that very command, whose options the command has."""
    said = posicional(*name.split(), "--help")
    assert (said.code, said.err) == (0, "")
    examples = [line.split() for line in said.out.partition("Example")[2].splitlines() if "posicional" in line]
    assert examples
    options = {option for parameter in COMMANDS[name].params for option in _spellings(parameter)}
    for words in examples:
        assert " ".join(words).startswith(f"posicional {name} ") or words == ["posicional", name]
        assert {word for word in words if word.startswith("-")} <= options
    for parameter in COMMANDS[name].params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


def test_the_programs_help_names_the_exit_codes() -> None:
    """Whoever writes a script finds them in `posicional --help`."""
    said = posicional("--help")
    assert said.code == 0
    assert all(f"{code} " in said.out.partition("Exit codes")[2] for code in (0, 1, 2, 3, 4, 5, 130))


# --- json -------------------------------------------------------------------------------------------------------------


def test_json_is_one_document_and_nothing_else(ran: Path, contratos: Path, tmp_path: Path) -> None:
    """Every `--json` parses as a whole; what a person is told besides goes to standard error."""
    store = ("--date", DATE, "--store", str(ran))
    said = {
        "check": posicional("check", PLANOS, "--json"),
        "convert": posicional(
            "convert", contratos, "--layout", LAYOUTS / "contratos.yaml", "-o", tmp_path / "o.parquet", "--json"
        ),
        "dataset": posicional("dataset", PLANOS, "resumo_planos", *store, "--json"),
        "deadline": posicional("deadline", PLANOS, *store, "--json"),
        "run": posicional("run", PLANOS, *store, "--no-publish", "--json"),
        "status": posicional("status", PLANOS, *store, "--json"),
    }
    assert all("--json" in [word for p in COMMANDS[name].params for word in p.opts] for name in said)
    assert said["check"].json == {"faults": []}
    assert said["convert"].json["written"] == [str(tmp_path / "o.parquet")]
    assert said["dataset"].json["run"] == 1
    assert Path(said["dataset"].json["parts"][0]).is_file()
    assert said["deadline"].json["feed"] == "planos"
    assert said["run"].json["current"] == said["status"].json["current"] == 1
    assert {name: one.code for name, one in said.items()} == dict.fromkeys(said, 0) | {
        "deadline": 0 if said["deadline"].json["met"] else 3
    }


# --- what is wrong with a command -------------------------------------------------------------------------------------

WRONG = {
    "no feed file": (("run", "nowhere.yaml", "--date", DATE), "nowhere.yaml: no such file"),
    "a folder instead of a feed": (("run", ".", "--date", DATE), "this is a directory, not a file"),
    "a folder instead of a contract": (("check", "."), "this is a directory, not a file"),
    "no positional file": (("convert", "a.txt", "--layout", COTAHIST, "-o", "o.parquet"), "a.txt: no such file"),
    "a folder instead of a positional file": (
        ("convert", ".", "--layout", COTAHIST, "-o", "o.parquet"),
        "this is not a file",
    ),
    "no layout": (("convert", "x.txt", "--layout", "l.yaml", "-o", "o.parquet"), "l.yaml: no such file"),
    "no output": (("convert", "x.txt", "--layout", COTAHIST, "-o", ""), "the output has no name"),
    "the input as output": (("convert", "x.txt", "--layout", COTAHIST, "-o", "./x.txt"), "over its own input"),
    "the input as rejects": (
        ("convert", "x.txt", "--layout", COTAHIST, "-o", "o.parquet", "--rejects", "x.txt"),
        "over its own input",
    ),
    "one file for rows and rejects": (
        ("convert", "x.txt", "--layout", COTAHIST, "-o", "o.parquet", "--rejects", "o.parquet"),
        "cannot be one file",
    ),
    "a folder for rejects": (
        ("convert", "x.txt", "--layout", COTAHIST, "-o", "o.parquet", "--rejects", "full"),
        "a folder, not a file",
    ),
    "a folder that holds results": (
        ("convert", "x.txt", "--layout", COTAHIST, "-o", "full/"),
        "holds Parquet files already",
    ),
    "no number of rejects": (
        ("convert", "x.txt", "--layout", COTAHIST, "-o", "o.parquet", "--max-rejects", "some"),
        "not a number of rejects",
    ),
    "several tables for one file": (
        ("convert", "x.txt", "--layout", "two.yaml", "-o", "o.parquet"),
        "makes 2 tables, which one file cannot hold",
    ),
    "a day that does not exist": (("run", PLANOS, "--date", "2026-02-30"), "not a date: '2026-02-30'"),
    "a day in words": (("status", PLANOS, "--date", "hoje"), "not a date: 'hoje'"),
    "a month of a daily feed": (("run", PLANOS, "--date", "2026-11"), "not a date of this feed"),
    "a day of a monthly feed": (
        ("dataset", SIGTAP, "procedimentos_por_cid", "--date", "2020-03-15"),
        "a month: 2020-03",
    ),
    "a day of a monthly feed's deadline": (("deadline", SIGTAP, "--date", "2020-03-15"), "a month: 2020-03"),
    "no such dataset": (
        ("dataset", PLANOS, "contratos_ativo", "--date", DATE),
        "did you mean contratos_ativos?",
    ),
    "no such kind of store": (("status", PLANOS, "--date", DATE, "--store", "ftp://x"), "ftp://"),
    "a demo in the place of a file": (("demo", "x.txt"), "x.txt: this is a file"),
    "a demo in a folder with other things": (("demo", "full"), "this folder is not empty"),
    "a sample too small for its flaws": (("sample", "s", "--date", DATE, "--rows", "3", "--flaws"), "expected 10 to"),
    "a sample of another century": (("sample", "s", "--date", "1985-01-01"), "no sample for this date"),
    "no date": (("run", PLANOS), "Missing option '--date'"),
    "no such option": (("status", PLANOS, "--dat", DATE), "No such option"),
    "no such command": (("ruin", PLANOS), "No such command 'ruin'"),
}

TWO_TABLES = """\
record: {length: 2, framing: newline}
records:
  a: {when: {pos: [1, 1], is: "a"}, fields: [{filler: 1}, {name: x, width: 1, type: string}]}
  b: {when: {pos: [1, 1], is: "b"}, fields: [{filler: 1}, {name: x, width: 1, type: string}]}
"""


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_command_is_one_clear_message_and_exit_2(case: str, tmp_path: Path) -> None:
    """Nothing on standard output, the reason on standard error, no traceback, and no file is made or changed."""
    words, expected = WRONG[case]
    (tmp_path / "x.txt").write_text("a1\nb2\n")
    (tmp_path / "two.yaml").write_text(TWO_TABLES)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "part-00000.parquet").write_bytes(b"PAR1")
    before = files_below(tmp_path)
    said = posicional(*words, cwd=tmp_path)
    assert (said.code, said.out) == (2, "")
    assert expected in said.err
    assert "Traceback" not in said.err
    assert files_below(tmp_path) == before


# --- check ------------------------------------------------------------------------------------------------------------


def test_a_good_contract_has_no_faults() -> None:
    """`check` of the three examples, feeds and a layout: exit 0."""
    for contract in (PLANOS, SIGTAP, COTAHIST):
        said = posicional("check", contract)
        assert (said.code, said.err) == (0, ""), said.text
        assert "no faults" in said.out


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """The demo's feed with a fault in the feed, one in a layout, and one in the SQL."""
    folder = tmp_path / "planos"
    shutil.copytree(PLANOS.parent, folder, ignore=shutil.ignore_patterns("dados"))
    for name, old, new in (
        ("feed.yaml", 'deadline: "12:00"', "deadline: 12:00"),
        ("layouts/clientes.yaml", "record: {length: 150,", "record: {length: 100,"),
        (
            "layouts/sinistros.yaml",
            "width: 10, type: string, required: true}",
            "width: 10, type: text, required: true}",
        ),
        ("sql/resumo_planos.sql", "min(a.inicio)", "median(a.inicio)"),
    ):
        text = (folder / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, name
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    return folder / "feed.yaml"


@pytest.mark.parametrize(
    "words",
    [("check",), ("run", "--date", DATE), ("status", "--date", DATE), ("deadline", "--date", DATE)],
    ids=lambda w: w[0],
)
def test_all_faults_of_a_contract_are_told_at_once(words: tuple[str, ...], broken: Path) -> None:
    """Feed, layouts and SQL: each fault with its file and line, whichever command reads the contract; exit 2."""
    said = posicional(words[0], broken, *words[1:])
    assert (said.code, said.out) == (2, "")
    folder = broken.parent
    for name, line, about in (
        ("feed.yaml", 11, "12:00"),
        ("layouts/clientes.yaml", None, "detail"),
        ("layouts/sinistros.yaml", 19, "type"),
    ):
        found = [one for one in said.err.splitlines() if f"{folder / name}:" in one]
        assert found, name
        assert any(about in one for one in found), found
        assert line is None or any(f"{folder / name}:{line}:" in one for one in found), found
    assert "faults in the contract" in said.err
    assert not (folder / "dados").exists()


def test_a_fault_of_the_sql_is_told_with_its_line(tmp_path: Path) -> None:
    """A function that nobody has proven on both engines is refused before anything runs."""
    folder = tmp_path / "planos"
    shutil.copytree(PLANOS.parent, folder, ignore=shutil.ignore_patterns("dados"))
    sql = folder / "sql" / "resumo_planos.sql"
    sql.write_text(sql.read_text(encoding="utf-8").replace("min(a.inicio)", "median(a.inicio)"), encoding="utf-8")
    said = posicional("check", folder / "feed.yaml")
    assert said.code == 2
    assert f"{sql}:12" in said.err
    assert "median" in said.err.lower()


def test_faults_as_json(broken: Path) -> None:
    """`check --json` gives file, line, path, message and hint of each; exit 2 all the same."""
    said = posicional("check", broken, "--json")
    assert said.code == 2
    faults = said.json["faults"]
    assert len(faults) >= 3
    assert all(set(fault) == {"file", "line", "path", "message", "hint"} for fault in faults)
    assert all(fault["line"] > 0 and Path(fault["file"]).is_file() for fault in faults)


def test_one_layout_can_be_checked(broken: Path) -> None:
    """`check` takes a layout by itself."""
    said = posicional("check", broken.parent / "layouts" / "clientes.yaml")
    assert said.code == 2
    assert posicional("check", LAYOUTS / "clientes.yaml").code == 0


# --- where results go -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["um ano de ações.parquet", "céu azul/jan fev/o.parquet", "#1?&*.parquet"])
def test_output_names_with_blanks_and_accents(name: str, contratos: Path, tmp_path: Path) -> None:
    """The result is where it was asked for, and nothing else is there."""
    output = tmp_path / "saída" / name
    said = posicional("convert", contratos, "--layout", LAYOUTS / "contratos.yaml", "-o", output)
    assert said.code == 0, said.text
    assert str(output) in said.out
    assert pq.read_metadata(output).num_rows == 20
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [output]


def test_a_feed_and_a_store_with_blanks_and_accents(sample: Path, tmp_path: Path) -> None:
    """The whole day works in such folders."""
    folder = tmp_path / "operação de saúde #1"
    shutil.copytree(PLANOS.parent, folder / "planos", ignore=shutil.ignore_patterns("dados"))
    store = folder / "meus dados (2026)"
    arrive(store, *sample.iterdir())
    words = (folder / "planos" / "feed.yaml", "--date", DATE, "--store", store)
    assert posicional("run", *words, "--no-publish").code == 0
    said = posicional("dataset", words[0], "resumo_planos", *words[1:])
    assert pq.read_metadata(Path(said.out.strip())).num_rows > 0


def test_a_folder_gets_parts_and_kinds(tmp_path: Path) -> None:
    """With several kinds of detail, `-o DIR/` holds a table for each."""
    (tmp_path / "x.txt").write_text("a1\nb2\nb3\n")
    (tmp_path / "two.yaml").write_text(TWO_TABLES)
    said = posicional("convert", "x.txt", "--layout", "two.yaml", "-o", "out/", "--json", cwd=tmp_path)
    assert said.code == 0, said.text
    assert said.json["tables"] == {"x_a": 1, "x_b": 2}
    rows = [pq.ParquetFile(tmp_path / path).metadata.num_rows for path in said.json["written"]]
    assert sorted(rows) == [1, 2]


def test_rejects_go_where_they_are_wanted(sample: Path, tmp_path: Path) -> None:
    """`--rejects` holds them; of a file without any, those of an earlier file do not stay."""
    lines = (sample / "CLIENTES_20261122.txt").read_bytes().split(b"\n")
    lines[3] = lines[3][:62] + b"2024023X" + lines[3][70:]
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"\n".join(lines))
    words = ("--layout", LAYOUTS / "clientes.yaml", "-o", tmp_path / "o.parquet", "--rejects", tmp_path / "r.parquet")
    said = posicional("convert", bad, *words, "--max-rejects", "1")
    assert said.code == 0, said.text
    assert "bad.txt line 4" in said.err
    assert "nascimento 63-70" in said.err
    assert "2024023X" not in said.text
    assert pq.read_table(tmp_path / "r.parquet").to_pylist()[0]["raw"] == lines[3]
    assert posicional("convert", sample / "CLIENTES_20261122.txt", *words).code == 0
    assert not (tmp_path / "r.parquet").exists()


def test_a_refusal_says_where_to_look(tmp_path: Path) -> None:
    """With a command that can be typed; of a stream that is no stream nothing is said to be accounted for."""
    text = "encoding: utf-8\nrecord: {length: 4, framing: newline}\nfields: [{name: n, width: 4, type: integer}]\n"
    (tmp_path / "n.yaml").write_text(text)
    (tmp_path / "um só.txt").write_bytes(b"12\n")
    said = posicional("convert", "um só.txt", "--layout", "n.yaml", "-o", "n.parquet", cwd=tmp_path)
    assert (said.code, said.out) == (4, "1 record: 0 rows, 0 control, 1 rejected; 3 bytes, all accounted for\n")
    assert said.err.endswith(" -> posicional layout try 'um só.txt' --layout n.yaml looks for the cause\n")
    (tmp_path / "n.txt.gz").write_bytes(b"0001\n")
    said = posicional("convert", "n.txt.gz", "--layout", "n.yaml", "-o", "n.parquet", cwd=tmp_path)
    assert (said.code, said.text) == (4, "posicional: n.txt.gz: the gzip stream is cut off or damaged\n")


def test_what_only_looks_like_a_file_is_named(tmp_path: Path) -> None:
    """A folder, or a link that leads nowhere, under the name of a file that is missed: a person sees it lie there."""
    incoming = tmp_path / "dados" / "dados-posicionais"
    (incoming / "CLIENTES_20261122.txt").mkdir(parents=True)
    (incoming / "PLANOS_20261122.txt").symlink_to(tmp_path / "nowhere")
    said = posicional("run", PLANOS, "--date", "2026-11-22", "--store", tmp_path / "dados")
    notes = said.out.partition("\nnotes\n")[2].partition("\n\n")[0].splitlines()
    assert (said.code, notes) == (
        3,
        ["  CLIENTES_20261122.txt is a folder, not a file", "  PLANOS_20261122.txt is a link that leads nowhere"],
    )


def test_a_value_that_is_not_personal_is_shown_on_the_terminal(contratos: Path, tmp_path: Path) -> None:
    """Line, byte, field, positions, reason and the value: what a person needs to find it."""
    lines = contratos.read_bytes().split(b"\n")
    lines[5] = lines[5][:40] + b"20240231" + lines[5][48:]
    bad = tmp_path / "contratos"
    bad.write_bytes(b"\n".join(lines))
    said = posicional("convert", bad, "--layout", LAYOUTS / "contratos.yaml", "-o", tmp_path / "o.parquet")
    assert said.code == 4
    assert f"contratos line 6 (byte {5 * 121}), inicio 41-48: not a date: '20240231'" in said.err
    assert not (tmp_path / "o.parquet").exists()


# --- pipes, signals ---------------------------------------------------------------------------------------------------


def closed_pipe() -> int:
    """The writing end of a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    return write


def test_a_reader_of_the_output_that_goes_away_stops_nothing(sample: Path, tmp_path: Path) -> None:
    """`posicional run … | true`: the day goes to its end, exit 0, not a word on standard error."""
    arrive(tmp_path, *sample.iterdir())
    pipe = closed_pipe()
    running = start("run", PLANOS, "--date", DATE, "--store", tmp_path, "--no-publish", stdout=pipe)
    os.close(pipe)
    _, err = running.communicate()
    assert (running.returncode, err) == (0, "")
    end = json.loads((tmp_path / "controle" / "planos" / DATE / "runs" / "0001.end.json").read_text())
    assert end["status"] == "succeeded"


def test_the_exit_code_stays_when_nobody_reads(tmp_path: Path) -> None:
    """`posicional run … 2>&1 | true` of a day that is not complete is still 3."""
    pipe = closed_pipe()
    running = start("run", PLANOS, "--date", DATE, "--store", tmp_path, stdout=pipe, stderr=pipe)
    os.close(pipe)
    assert running.wait() == 3


def test_output_that_finds_no_room(ran: Path) -> None:
    """A full disk behind standard output is told on standard error: exit 5, since a script would miss something."""
    with Path("/dev/full").open("w") as full:
        running = start("status", PLANOS, "--date", DATE, "--store", ran, stdout=full)
        _, err = running.communicate()
    assert running.returncode == 5
    assert err == "posicional: not all could be printed: No space left on device\n"


def test_ctrl_c_ends_with_130_and_the_next_command_goes_on(sample: Path, tmp_path: Path) -> None:
    """Interrupted while it waits for an endpoint that says nothing: no traceback, the datasets are kept."""
    arrive(tmp_path, *sample.iterdir())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)  # a run that fails before it connects fails the test, which else waits for ever
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        running = start("run", PLANOS, "--date", DATE, "--store", tmp_path, env={"OPENSEARCH_URL": url})
        connection, _ = silent.accept()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate()
        connection.close()
    assert (running.returncode, err.strip()) == (130, "posicional: stopped")
    assert "succeeded  run 1" in out
    folder = tmp_path / "controle" / "planos" / DATE
    end = json.loads((folder / "publications" / "opensearch" / "0001.end.json").read_text())
    assert (end["status"], end["reason"]) == ("failed", "stopped by KeyboardInterrupt")
    said = posicional("run", PLANOS, "--date", DATE, "--store", tmp_path, "--no-publish")
    assert said.code == 0
    assert "run 1 is current" in said.out
    assert not (folder / "runs" / "0002.claim.json").exists()


def test_the_installed_program_is_this_one(tmp_path: Path) -> None:
    """`posicional` as a process says the same as in the tests' own."""
    words = ("run", PLANOS, "--date", DATE, "--store", tmp_path)
    assert process(*words).err == posicional(*words).err
