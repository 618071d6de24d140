"""The engine that a feed names gets what the feed grants it, and says what is missing where it cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from commands import posicional
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.engines import open_engine, together
from posicional.contract.feed import EngineSettings
from posicional.errors import EngineError
from worlds import clientes, contratos, new_store, send, write_feed


def test_duckdb_gets_its_limits(tmp_path: Path) -> None:
    """Memory in bytes, threads, and the folder for what does not fit; nothing said is DuckDB's own choice."""
    assert open_engine(EngineSettings()) == DuckDbEngine()
    limited = EngineSettings(memory=512 * 10**6, threads=3, temp=str(tmp_path))
    assert open_engine(limited) == DuckDbEngine("512000000B", 3, str(tmp_path))
    assert together(limited) is None


@pytest.mark.parametrize(("words", "code"), [([], 0), (["--engine", "spark"], 2)], ids=["duckdb", "spark"])
def test_without_pyspark_only_spark_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    """The command that asks for it says what to install, and no run is begun for nothing."""
    monkeypatch.setitem(sys.modules, "pyspark", None)
    feed, store = write_feed(tmp_path / "feed"), new_store("folder", tmp_path)
    send(store, "CONTRATOS_20261122.txt", contratos())
    send(store, "CLIENTES_20261122.txt", clientes())
    said = posicional("run", feed.path, "--date", "2026-11-22", "--store", store.url, *words)
    assert said.code == code, said.text
    if code:
        assert "pyspark is not installed -> pip install 'posicional[spark]'" in said.err
        assert not list(Path(store.url).glob("controle/*/*/runs/*"))


def test_a_feeds_own_limit_is_obeyed(tmp_path: Path) -> None:
    """A feed that grants too little fails with what to do about it."""
    feed = write_feed(tmp_path / "feed")
    feed.path.write_text(
        feed.path.read_text(encoding="utf-8") + "attempts: 1\nengine: {memory: 1MB, threads: 1}\n", "utf-8"
    )
    store = new_store("folder", tmp_path)
    send(store, "CONTRATOS_20261122.txt", contratos())
    send(store, "CLIENTES_20261122.txt", clientes())
    said = posicional("run", feed.path, "--date", "2026-11-22", "--store", store.url)
    assert said.code == EngineError.exit_code, said.text
    assert "needs more memory than it may use -> raise its memory limit" in said.err
