"""The command line as tests use it: in this process (quick), or as a process of its own (which can be killed)."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from posicional import cli

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PLANOS = EXAMPLES / "planos" / "feed.yaml"
SIGTAP = EXAMPLES / "sigtap" / "feed.yaml"
COTAHIST = EXAMPLES / "cotahist" / "layout.yaml"
PROGRAM = Path(sys.executable).with_name("posicional")

LONG_AGO = 1_700_000_000
"""A time (seconds since 1970) at which files are made to have arrived, so that nobody waits whether they still grow."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that was printed."""
        return self.out + self.err

    @property
    def json(self) -> Any:
        """Standard output as the JSON document that it must be."""
        return json.loads(self.out)


def posicional(*words: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Said:
    """Run a command in this process, as the installed program does."""
    out, err = _stream(), _stream()
    with _as_if(["posicional", *map(str, words)], env or {}, cwd), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return Said(code, _text(out), _text(err))


def process(*words: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Said:
    """Run a command as a process of its own."""
    done = subprocess.run(
        [PROGRAM, *map(str, words)], env=os.environ | (env or {}), cwd=cwd, capture_output=True, text=True, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


def start(*words: str | Path, env: Mapping[str, str] | None = None, **more: Any) -> subprocess.Popen[str]:
    """Start a command as a process of its own, and leave it to the test."""
    pipes: dict[str, int | IO[str]] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([PROGRAM, *map(str, words)], env=os.environ | (env or {}), text=True, **(pipes | more))


def arrive(store: Path, *files: Path, after: int = 0, **names: str) -> None:
    """Files arrive whole, `after` seconds later than others that did; `names` (stem -> name) gives them other names."""
    incoming = store / "dados-posicionais"
    incoming.mkdir(parents=True, exist_ok=True)
    for file in files:
        partial = incoming / f".{file.name}"
        shutil.copyfile(file, partial)
        os.utime(partial, (LONG_AGO + after, LONG_AGO + after))
        partial.replace(incoming / names.get(file.stem, file.name))


def arrive_bytes(store: Path, name: str, data: bytes, after: int = 0) -> None:
    """The same for bytes."""
    incoming = store / "dados-posicionais"
    incoming.mkdir(parents=True, exist_ok=True)
    partial = incoming / f".{name}"
    partial.write_bytes(data)
    os.utime(partial, (LONG_AGO + after, LONG_AGO + after))
    partial.replace(incoming / name)


def parts_of(feed: Path, name: str, day: str, store: Path) -> list[Path]:
    """Where `posicional dataset` says that a dataset is."""
    said = posicional("dataset", feed, name, "--date", day, "--store", store)
    assert said.code == 0, said.text
    return [Path(line) for line in said.out.splitlines()]


def table_of(parts: Iterable[Path]) -> pa.Table:
    """The rows of Parquet parts, the files alone (their folders' names add no columns)."""
    return pa.concat_tables([pq.ParquetFile(part).read() for part in parts])


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@contextmanager
def _as_if(words: list[str], env: Mapping[str, str], cwd: Path | None) -> Iterator[None]:
    """The arguments, variables and working directory of a process, for a while."""
    before = (sys.argv, dict(os.environ), Path.cwd())
    sys.argv = words
    os.environ.update(env)
    os.chdir(cwd or before[2])
    try:
        yield
    finally:
        sys.argv = before[0]
        os.environ.clear()
        os.environ.update(before[1])
        os.chdir(before[2])
