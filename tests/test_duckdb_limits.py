"""DuckDB within limits: a join that is larger than the memory it may use goes to disk, finishes, and is right."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

ROWS = 2_000_000

PROGRAM = r"""
import re, sys
from pathlib import Path
from posicional.backends.engines import open_engine
from posicional.backends.store import open_store
from posicional.contract.feed import Dataset, EngineSettings

folder = Path(sys.argv[1])
settings = EngineSettings(memory=int(sys.argv[2]), threads=2, temp=str(folder / "temp"))
sql = "select e.id, e.texto, d.outro from esquerda e join direita d on d.id = e.id"
tables = {name: [str(folder / f"{name}.parquet")] for name in ("esquerda", "direita")}
dataset = Dataset("junta", sql, Path("junta.sql"), ("id",))
written = open_engine(settings).run(dataset, tables, open_store(folder / "out").sink("r/"))
# Not getrusage's ru_maxrss: a program inherits that from whoever began it.
peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]
print(sum(part.rows for part in written), peak)
"""


def texts(random: np.random.Generator) -> pa.Array:
    """Texts of 64 characters that nothing compresses."""
    data = random.integers(33, 127, ROWS * 64, dtype=np.uint8)
    offsets = np.arange(ROWS + 1, dtype=np.int32) * 64
    return pa.StringArray.from_buffers(ROWS, pa.py_buffer(offsets), pa.py_buffer(data))


@pytest.mark.slow
def test_a_join_larger_than_memory_goes_to_disk(tmp_path: Path) -> None:
    """Two tables of 144 MB each, joined within 150 MB: something is spilled, every row is there, nothing is left."""
    random = np.random.default_rng(20261122)
    (tmp_path / "temp").mkdir()
    for name, column in (("esquerda", "texto"), ("direita", "outro")):
        ids = pa.array(random.permutation(ROWS))
        table = pa.table({"id": ids, column: texts(random)})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=1 << 17)  # as our own parts have them
    program = tmp_path / "program.py"  # a file: for `python -c` DuckDB would show its progress
    program.write_text(PROGRAM)
    running = subprocess.Popen(
        [sys.executable, program, tmp_path, str(150 * 10**6)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    spilled, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            spilled.append(_size(tmp_path / "temp"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        out, err = running.communicate(timeout=280)
    finally:
        over.set()
        watcher.join()
    assert running.returncode == 0, err
    rows, peak = map(int, out.split())
    assert rows == ROWS
    assert max(spilled) > 50 * 10**6
    assert peak < 600 * 1024, "the process with all its libraries, in KB: far less than both tables and the result"
    found = pa.concat_tables(pq.read_table(part, columns=["id"]) for part in sorted((tmp_path / "out" / "r").iterdir()))
    assert pc.count_distinct(found["id"]).as_py() == ROWS
    assert list((tmp_path / "temp").iterdir()) == []


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # DuckDB has just removed it
            continue
    return total
