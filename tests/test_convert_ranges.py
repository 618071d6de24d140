"""`posicional convert` on a file that is read in ranges."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from commands import posicional
from posicional.records import ranges


def test_all_rejects_of_all_ranges_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--rejects` holds the rejects of every range, in the order of the file; the folder holds a part of each."""
    monkeypatch.setattr(ranges, "RANGE", 10_000)
    (tmp_path / "l.yaml").write_text(
        "encoding: utf-8\nrecord: {length: 9, framing: newline}\nfields: [{name: n, width: 9, type: integer}]\n"
    )
    bad = {number for number in range(5000) if number % 700 == 3}
    lines = [b"?" * 9 if number in bad else b"%09d" % number for number in range(5000)]
    (tmp_path / "n.txt").write_bytes(b"\n".join(lines) + b"\n")
    said = posicional(
        "convert", tmp_path / "n.txt", "--layout", tmp_path / "l.yaml", "-o", f"{tmp_path}/out/",
        "--rejects", tmp_path / "r.parquet", "--max-rejects", "100",
    )  # fmt: skip
    assert said.code == 0, said.text
    assert pq.read_table(tmp_path / "r.parquet")["line"].to_pylist() == sorted(number + 1 for number in bad)
    parts = sorted((tmp_path / "out").glob("*.parquet"))
    assert len(parts) == 5
    rows = [row for part in parts for row in pq.read_table(part)["n"].to_pylist()]
    assert rows == [number for number in range(5000) if number not in bad]
    assert f"… and {len(bad) - 5} more rejects" in said.err
