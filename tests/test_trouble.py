"""What goes wrong outside, on disks, at endpoints, with processes: one clear message, the exit code, a day that heals.

Nothing here is pretended: real processes are killed and stopped, real limits are hit, real ports are closed.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

import planos_by_hand as by_hand
from commands import PLANOS, Said, arrive, arrive_bytes, files_below, parts_of, posicional, process, start, table_of
from planos_day import DATE, DAY, FILES, path_of, world
from posicional.demo.sample import write_sample

SEED = 22


def slow(value: int | str) -> Any:
    """A parameter for the slow suite."""
    return pytest.param(value, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seven files of a day."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, DAY, 60)
    return folder


@pytest.fixture(scope="module")
def expected(sample: Path) -> dict[str, list[by_hand.Row]]:
    """What the day must lead to, whatever happens on the way."""
    return by_hand.datasets(sample, DAY)


@pytest.fixture
def store(sample: Path, tmp_path: Path) -> Path:
    """A store in which all seven files have arrived."""
    arrive(tmp_path / "dados", *sample.iterdir())
    return tmp_path / "dados"


def command(store: Path, *words: str) -> tuple[str | Path, ...]:
    """`run` of the day; the feed, a copy beside the store, makes one attempt and does not wait long."""
    folder = store.parent / "planos"
    if not folder.exists():
        shutil.copytree(PLANOS.parent, folder, ignore=shutil.ignore_patterns("dados"))
        with (folder / "feed.yaml").open("a", encoding="utf-8") as feed:
            feed.write("attempts: 1\nsettle: 200 ms\n")
    return ("run", folder / "feed.yaml", "--date", DATE, "--store", store, *words)


def run(store: Path, *words: str, url: str = "") -> Said:
    """The same, in this process; without a URL it publishes nowhere."""
    return posicional(
        *command(store, *words, *([] if url else ["--no-publish"])), env={"OPENSEARCH_URL": url} if url else {}
    )


def facts(store: Path, pattern: str) -> list[dict[str, Any]]:
    """The day's facts whose path below the day's folder fits, in order."""
    folder = store / "controle" / "planos" / DATE
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob(pattern))]


def assert_whole(store: Path, expected: dict[str, list[by_hand.Row]]) -> None:
    """The datasets are what they must be, and every part that a fact names is there, whole."""
    for name, rows in expected.items():
        key = next(iter(rows[0]))
        table = table_of(parts_of(PLANOS, name, DATE, store)).to_pylist()
        assert sorted(table, key=lambda row: str(row[key])) == rows
    for end in facts(store, "runs/*.end.json"):
        for dataset in end["datasets"].values() if end["status"] == "succeeded" else ():
            _assert_parts(store, dataset["parts"])
    for done in facts(store, "arrivals/*/*.done.json"):
        _assert_parts(store, done["parts"])


def _assert_parts(store: Path, parts: list[dict[str, Any]]) -> None:
    for part in parts:
        path = store / part["key"]
        assert path.stat().st_size == part["bytes"]
        assert pq.ParquetFile(path).read().num_rows == part["rows"]


# --- disks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [slow("controle"), slow("dados-parquet"), "dados-processados"])
def test_a_file_where_a_folder_should_be(where: str, store: Path, expected: dict[str, list[by_hand.Row]]) -> None:
    """A store that cannot take what must be written: exit 5, the place and what to do; moved away, the day goes on."""
    (store / where).write_text("in the way")
    said = run(store)
    assert said.code == 5
    assert f"{store / where}" in said.err
    assert "there is a file where a folder should be" in said.err
    assert "Traceback" not in said.text
    (store / where).unlink()
    assert run(store).code == 0
    assert_whole(store, expected)


@contextmanager
def mounted(folder: Path, kind: str, options: str) -> Iterator[None]:
    """A filesystem of its own over a folder; the test is skipped where one cannot be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", kind, "-o", options, kind, str(folder)]
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("needs root to mount a filesystem")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(sample: Path, tmp_path: Path, expected: dict[str, list[by_hand.Row]]) -> None:
    """A disk that is full again and again: exit 5 and the reason, no fact of what is not there; with room: done."""
    store = tmp_path / "dados"
    full = 0
    with mounted(store, "tmpfs", "size=1m"):
        arrive(store, *sample.iterdir())
        ballast = store / "ballast"
        for room in (24_000, 80_000, 400_000):
            free = os.statvfs(store).f_bavail * os.statvfs(store).f_frsize
            ballast.write_bytes(bytes(max(0, free - room)))
            said = process(*command(store, "--no-publish"))
            ballast.unlink()
            if said.code == 0:
                break
            full += 1
            assert said.code == 5, said.text
            assert "the disk is full -> make room" in said.err
            assert "Traceback" not in said.text
            for done in facts(store, "arrivals/*/*.done.json"):
                _assert_parts(store, done["parts"])
        assert said.code == 0
        assert full == 2
        assert_whole(store, expected)


def test_a_read_only_disk(sample: Path, tmp_path: Path, expected: dict[str, list[by_hand.Row]]) -> None:
    """A store that became read-only: exit 5; `status` still reads it; writable again, the day is made."""
    store = tmp_path / "dados"
    with mounted(store, "tmpfs", "size=8m"):
        arrive(store, *sample.iterdir())
        subprocess.run(["mount", "-o", "remount,ro", str(store)], check=True)
        said = run(store)
        assert said.code == 5
        assert "the folder is read-only" in said.err
        assert posicional("status", PLANOS, "--date", DATE, "--store", store).code == 0
        subprocess.run(["mount", "-o", "remount,rw", str(store)], check=True)
        assert run(store).code == 0
        assert_whole(store, expected)


def limited(size: int) -> Callable[[], None]:
    """What a child does before it begins: no file of it may grow beyond so many bytes; writing more is an error."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.slow
@pytest.mark.parametrize("size", [300, 1_500, 4_000, 5_000])
def test_files_that_may_not_grow(size: int, store: Path, expected: dict[str, list[by_hand.Row]]) -> None:
    """A limit that cuts a fact, a part or a result in the middle: exit 5, nothing cut off counts; without it: done."""
    running = start(*command(store, "--no-publish"), preexec_fn=limited(size))
    out, err = running.communicate()
    assert running.returncode == 5, out + err
    assert "Traceback" not in err
    for done in facts(store, "arrivals/*/*.done.json"):
        _assert_parts(store, done["parts"])
    assert run(store).code == 0
    assert_whole(store, expected)
    assert not list((store / "controle").rglob(".*"))


def test_an_output_that_finds_no_room(sample: Path, tmp_path: Path) -> None:
    """`convert` onto a disk without room: exit 5, no output, and nothing left beside it."""
    layout = PLANOS.parent / "layouts" / "contratos.yaml"
    words = ("convert", path_of(sample, "contratos"), "--layout", layout, "-o", tmp_path / "o.parquet")
    running = start(*words, preexec_fn=limited(1_000))
    out, err = running.communicate()
    assert (running.returncode, out) == (5, ""), err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


# --- endpoints --------------------------------------------------------------------------------------------------------


@pytest.fixture
def closed_port() -> str:
    """The URL of a port that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_an_endpoint_that_is_not_there(store: Path, closed_port: str, expected: dict[str, list[by_hand.Row]]) -> None:
    """Exit 5 and its address; the datasets are kept; with an endpoint, the next run publishes that very run only."""
    said = run(store, url=closed_port)
    assert said.code == 5
    assert f"{closed_port}: OpenSearch cannot be reached" in said.err
    assert said.err.count("\n") == 1
    assert_whole(store, expected)
    before = files_below(store / "dados-processados")
    with world(store) as made:
        said = run(store, url=made.url)
        assert said.code == 0, said.text
        assert made.documents("contratos").keys() == {row["numero_contrato"] for row in expected["contratos_ativos"]}
    assert files_below(store / "dados-processados") == before
    assert [end["status"] for end in facts(store, "runs/*.end.json")] == ["succeeded"]
    assert [end["status"] for end in facts(store, "publications/opensearch/*.end.json")] == ["failed", "succeeded"]


def test_a_password_of_the_endpoint_is_never_told(store: Path, closed_port: str) -> None:
    """Neither the message nor a fact holds it."""
    url = closed_port.replace("http://", "http://leitor:s3gr3do-da-casa@")
    said = run(store, url=url)
    assert said.code == 5
    assert closed_port in said.err
    assert "s3gr3do" not in said.text
    assert not [name for name, data in files_below(store / "controle").items() if b"s3gr3do" in data]


# --- processes that die -----------------------------------------------------------------------------------------------

LAST_WORDS = {
    "in the middle of looking": "arrived    contratos",
    "before the first conversion is over": "arrived    sinistros",
    "in the middle of converting": "converted  planos",
    "before the run": "converted  sinistros",
    "at the beginning of the run": "run        run 1",
    "between two datasets": "dataset    contratos_ativos",
    "after the last dataset": "dataset    resumo_planos",
    "between run and publication": "succeeded  run 1",
    "at the beginning of the publication": "publication publication 1",
    "after one index is filled": "index      contratos",
    "after all are filled": "index      resumo-planos",
    "after the aliases have moved": "alias      resumo-planos -> ",
}
"""What a killed process printed last."""

OFTEN = ("at the beginning of the run", "after the aliases have moved")
"""The moments that the quick tests try."""


def killed(words: tuple[str | Path, ...], last: str, env: dict[str, str]) -> str:
    """Kill the process that prints this, at once; what it had printed until then."""
    running = start(*words, env=env)
    assert running.stdout is not None
    said = ""
    for line in running.stdout:
        said += line
        if last in line:
            running.kill()
            break
    running.communicate()
    assert running.returncode == -signal.SIGKILL, said
    return said


@pytest.mark.parametrize("moment", [name if name in OFTEN else slow(name) for name in LAST_WORDS])
def test_a_killed_process_leaves_a_day_that_ends_right(
    moment: str, store: Path, expected: dict[str, list[by_hand.Row]]
) -> None:
    """Killed anywhere, the next command ends the day at once: right datasets, right documents, nothing half-made."""
    with world(store) as made:
        killed(command(store), LAST_WORDS[moment], {"OPENSEARCH_URL": made.url})
        for done in facts(store, "arrivals/*/*.done.json"):
            _assert_parts(store, done["parts"])
        seen = {name for name, state in made.client.indices.get(index="*").items() if state["aliases"]}
        said = run(store, url=made.url)
        assert said.code == 0, said.text
        assert_whole(store, expected)
        current = facts(store, "runs/*.end.json")[-1]
        published = facts(store, "publications/opensearch/*.end.json")[-1]
        assert (current["status"], published["status"]) == ("succeeded", "succeeded")
        rows = {row["numero_contrato"] for row in expected["contratos_ativos"]}
        assert made.documents("contratos").keys() == rows
        assert made.documents(f"contratos-{DATE}").keys() == rows
        assert len(made.documents("resumo-planos")) == len(expected["resumo_planos"])
        shown = {*made.shown_by("contratos"), *made.shown_by("resumo-planos")}
        left = set(made.client.indices.get(index="*")) - shown
        assert left <= seen, "only what readers saw a moment ago is left of a dead publication, until the next clean-up"
        assert {fact["status"] for fact in facts(store, "*/*.end.json")[:-1]} <= {"abandoned"}
        assert "nothing to do" in run(store, url=made.url).out


@pytest.mark.slow
def test_processes_killed_at_random(store: Path, expected: dict[str, list[by_hand.Row]]) -> None:
    """Forty processes are killed at random moments, besides those that come to their end before; whatever they left,
    the last one ends the day.
    """
    random, kills = Random(SEED), 0
    print(f"seed {SEED}")
    with world(store) as made:
        while kills < 40:
            running = start(*command(store), env={"OPENSEARCH_URL": made.url})
            try:
                running.communicate(timeout=random.uniform(0.2, 2.5))
            except subprocess.TimeoutExpired:
                running.kill()
                running.communicate()
                kills += running.returncode == -signal.SIGKILL
            for done in facts(store, "arrivals/*/*.done.json"):
                _assert_parts(store, done["parts"])
            if running.returncode == 0:
                run(store, "--again", "--no-publish")
        assert run(store, url=made.url).code == 0
        assert_whole(store, expected)
        assert made.documents("contratos").keys() == {row["numero_contrato"] for row in expected["contratos_ativos"]}


@pytest.mark.slow
def test_a_killed_convert_leaves_no_output(tmp_path: Path) -> None:
    """`convert` killed while it writes: no output under the name that was asked for; the next one is not held up."""
    big = write_sample(tmp_path / "big", DAY, 150_000)[0]
    layout, output = PLANOS.parent / "layouts" / "contratos.yaml", tmp_path / "out" / "o.parquet"
    words = ("convert", big, "--layout", layout, "-o", output)
    running = start(*words)
    while running.poll() is None and not list((tmp_path / "out").glob(".posicional-*/parts/.*")):
        pass
    running.kill()
    running.communicate()
    assert running.returncode == -signal.SIGKILL, "it was too quick for this test"
    assert not output.exists()
    said = posicional(*words)
    assert said.code == 0
    assert pq.read_metadata(output).num_rows == 150_000


# --- many at once -----------------------------------------------------------------------------------------------------


def test_two_processes_at_once_make_one_run(store: Path, expected: dict[str, list[by_hand.Row]]) -> None:
    """Both are started together: one run, one publication; who came second says who is at it (3), or finds it done."""
    with world(store) as made:
        env = {"OPENSEARCH_URL": made.url}
        both = [start(*command(store), env=env) for _ in range(2)]
        said = [running.communicate() for running in both]
        codes = sorted(running.returncode for running in both)
        assert codes in ([0, 0], [0, 3]), said
        for running, (out, err) in zip(both, said, strict=True):
            assert running.returncode == 0 or "is live, claimed by" in err, out + err
        assert len(facts(store, "runs/*.claim.json")) == 1
        assert len(facts(store, "publications/opensearch/*.claim.json")) == 1
        assert len(facts(store, "arrivals/*/*.done.json")) == len(FILES)
        assert_whole(store, expected)
        assert made.shown_by("contratos") == [f"contratos-{DATE}-0001-0001"]
        assert run(store, url=made.url).code == 0


# --- files that move --------------------------------------------------------------------------------------------------


def test_a_file_that_is_still_being_written_is_waited_for(
    sample: Path, tmp_path: Path, expected: dict[str, list[by_hand.Row]]
) -> None:
    """While a sender writes, the file is not taken: exit 3, "still being written"; once it stands still: done."""
    store = tmp_path / "dados"
    slow = path_of(sample, "clientes")
    arrive(store, *(path_of(sample, name) for name in FILES if name != "clientes"))
    target, written, stop = store / "dados-posicionais" / slow.name, threading.Event(), threading.Event()

    def write() -> None:
        with target.open("wb", buffering=0) as file:
            for line in slow.read_bytes().splitlines(keepends=True):
                file.write(line)
                written.set()
                stop.wait(0.02 if not stop.is_set() else 0)

    sender = threading.Thread(target=write)
    sender.start()
    try:
        written.wait()
        said = run(store)
    finally:
        stop.set()
        sender.join()
    assert said.code == 3
    assert f"still being written: {slow.name}" in said.err
    assert not facts(store, "arrivals/clientes/*.json")
    assert run(store).code == 0
    assert_whole(store, expected)


def test_a_file_that_changes_while_it_is_read_is_not_taken(
    store: Path, sample: Path, expected: dict[str, list[by_hand.Row]]
) -> None:
    """A file replaced between being seen and being read (the process is stopped there): the new one counts alone."""
    with path_of(sample, "sinistros").open("rb") as file:
        whole = file.read()
    arrive_bytes(store, path_of(sample, "sinistros").name, whole.replace(b"9SINISTROS", b"9SINISTRAS"))
    running = start(*command(store, "--no-publish"))
    assert running.stdout is not None
    for line in running.stdout:
        if "converted  contratos" in line:
            running.send_signal(signal.SIGSTOP)
            break
    arrive_bytes(store, path_of(sample, "sinistros").name, whole, after=60)
    running.send_signal(signal.SIGCONT)
    out, err = running.communicate()
    assert running.returncode == 0, out + err
    assert [done["status"] for done in facts(store, "arrivals/sinistros/*.done.json")] == ["superseded", "converted"]
    assert facts(store, "runs/0001.claim.json")[0]["inputs"]["sinistros"]["arrival"] == 2
    assert_whole(store, expected)


@pytest.mark.slow
def test_a_file_that_goes_away_before_it_is_read(
    store: Path, sample: Path, expected: dict[str, list[by_hand.Row]]
) -> None:
    """Taken away between being seen and being read: exit 3, missing again; when it is back, the day is made."""
    running = start(*command(store, "--no-publish"))
    assert running.stdout is not None
    for line in running.stdout:
        if "converted  contratos" in line:
            running.send_signal(signal.SIGSTOP)
            break
    (store / "dados-posicionais" / path_of(sample, "sinistros").name).unlink()
    running.send_signal(signal.SIGCONT)
    _, err = running.communicate()
    assert running.returncode == 3
    assert "missing: sinistros" in err
    arrive(store, path_of(sample, "sinistros"))
    assert run(store).code == 0
    assert_whole(store, expected)


@pytest.mark.parametrize(
    ("fact", "content"),
    [
        ("arrivals/clientes/0001.*.done.json", b""),
        ("runs/0001.end.json", b'{"fact": "run-end", "vers'),
        pytest.param("runs/0001.claim.json", b"\xff\xfe", marks=pytest.mark.slow),
    ],
    ids=["an empty done", "a cut end", "a claim that is no text"],
)
def test_a_fact_that_cannot_be_read_is_told_and_holds_nobody_up(
    fact: str, content: bytes, store: Path, sample: Path
) -> None:
    """Somebody spoilt a fact: commands name it and take the cautious view; nothing need be deleted."""
    assert run(store).code == 0
    (spoilt,) = (store / "controle" / "planos" / DATE).glob(fact)
    spoilt.write_bytes(content)
    status = posicional("status", PLANOS, "--date", DATE, "--store", store)
    assert status.code == 0
    assert f"{spoilt.name} cannot be read" in status.out
    said = run(store)
    assert "Traceback" not in said.text
    if "arrivals" in fact:
        assert said.code == 4
        arrive(store, path_of(sample, "clientes"), after=60)
        said = run(store)
    assert said.code == 0, said.text
    assert spoilt.read_bytes() == content
