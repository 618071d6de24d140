"""One run of a command: seconds from start to end, seconds of processor time, and the peak of its memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from posicional.errors import EngineError

EVERY = 0.02
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Run:
    """`seconds` include the interpreter's start; `peak` is the highest sum of PSS over the process tree, in MB."""

    seconds: float
    cpu: float
    peak: float


def run(arguments: list[str], folder: Path) -> Run:
    """Run `python -m …` from the project's root. Raises `EngineError` with what it said when it fails."""
    log = folder / "last.log"
    began = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, *arguments], stdout=out, stderr=out)
        peak = [0.0]
        watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    if process.returncode:
        raise EngineError(f"{' '.join(arguments)} failed: {log.read_text(errors='replace')[-2000:]}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak[0])


def _watch(pid: int, peak: list[float]) -> None:
    """Look until the process is gone. Shared pages count once: each process has its share of them (PSS)."""
    while (memory := _pss(pid)) is not None:
        peak[0] = max(peak[0], memory)
        time.sleep(EVERY)


def _pss(pid: int) -> float | None:
    """MB of a process and all that came from it; None when it is gone."""
    try:
        kilobytes = _own(pid)
    except (OSError, ValueError):
        return None
    pending = _children(pid)
    while pending:
        child = pending.pop()
        try:
            kilobytes += _own(child)
            pending += _children(child)
        except (OSError, ValueError):
            continue
    return kilobytes / 1000


def _own(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError(pid)


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
