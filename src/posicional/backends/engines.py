"""The engine that a feed names, with what it may use; and who works for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posicional.contract.feed import EngineSettings
from posicional.ports import Engine, Together

if TYPE_CHECKING:
    from posicional.backends.spark_session import LocalSpark


def open_engine(settings: EngineSettings) -> Engine:
    """The engine itself. Raises `ModuleNotFoundError` where its library is not installed."""
    if settings.use == "spark":
        import pyspark  # noqa: F401 - missed here, before a run is claimed

        from posicional.backends.spark import SparkEngine

        return SparkEngine(_local(settings))
    from posicional.backends.duckdb import DuckDbEngine

    return DuckDbEngine(
        memory_limit=f"{settings.memory}B" if settings.memory else "",
        threads=settings.threads,
        temp_directory=settings.temp or None,
    )


def together(settings: EngineSettings) -> Together | None:
    """Who does what can be done range by range and part by part: Spark's executors, or None for this process itself."""
    if settings.use != "spark":
        return None
    from posicional.backends.spark_ranges import by_spark

    return by_spark(_local(settings))


def _local(settings: EngineSettings) -> LocalSpark:
    from posicional.backends.spark_session import LocalSpark

    memory = f"{settings.memory >> 20}m" if settings.memory else ""
    return LocalSpark(memory, settings.threads, settings.temp or None)
