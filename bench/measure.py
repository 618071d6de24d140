"""One run of a command: seconds from start to end, seconds of processor time, and the peak of its memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posicional.errors import EngineError

EVERY = 0.02
"""Seconds between two looks at the memory."""

CALM = 0.06
"""A run during which others took more of the cores is done again: so a machine with other work can measure, slowly."""

TRIES, PATIENCE = 3, 8.0
"""How often, and for how many seconds a calm moment is waited for each time."""


@dataclass(frozen=True)
class Run:
    """`seconds` include the interpreter's start; `peak` is the highest sum of PSS over the process tree, in MB."""

    seconds: float
    cpu: float
    peak: float
    foreign: float
    """How much of the cores others took meanwhile (0-1)."""


def undisturbed(arguments: list[str], folder: Path, clear: Callable[[], None]) -> Run:
    """The same, again and again until nobody else has taken much of the machine meanwhile; the calmest one at last.

    `clear` removes what an earlier run has made.
    """
    runs: list[Run] = []
    for _ in range(TRIES):
        deadline = time.monotonic() + PATIENCE
        while _busy_for(0.5) > CALM and time.monotonic() < deadline:
            pass
        clear()
        runs.append(run(arguments, folder))
        if runs[-1].foreign <= CALM:
            break
    return min(runs, key=lambda one: one.foreign)


def run(arguments: list[str], folder: Path) -> Run:
    """Run `python -m …` from the project's root. Raises `EngineError` with what it said when it fails."""
    log = folder / "last.log"
    os.sync()  # what others left to write is nobody's here
    busy = _busy()
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
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu, peak[0], max(0.0, _busy() - busy - cpu) / seconds / (os.cpu_count() or 1))


def _busy() -> float:
    """Seconds that the machine's cores have worked, for anybody (Linux)."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    idle = int(words[3]) + int(words[4])
    return (sum(map(int, words[:8])) - idle) / os.sysconf("SC_CLK_TCK")


def _busy_for(seconds: float) -> float:
    """How much of the cores is taken for so long (0-1)."""
    before = _busy()
    time.sleep(seconds)
    return (_busy() - before) / seconds / (os.cpu_count() or 1)


def tree_cpu(pid: int) -> float:
    """Seconds of processor time of a process, of all that came from it, and of those of them that have ended."""
    pending, ticks = [pid], 0
    while pending:
        try:
            one = pending.pop()
            words = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, words[11:15]))
            pending += _children(one)
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


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
