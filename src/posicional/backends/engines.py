"""The engine that a feed names, with what it may use; and who reads the ranges of files that are too large for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from posicional.contract.feed import EngineSettings
from posicional.ports import Engine, Together

if TYPE_CHECKING:
    from posicional.backends.spark_session import LocalSpark


def open_engine(settings: EngineSettings) -> Engine:
    """The engine itself. Raises `ModuleNotFoundError` where its library is not installed."""
    if settings.use == "spark":
        from posicional.backends.spark import SparkEngine

        return SparkEngine(_local(settings))
    from posicional.backends.duckdb import DuckDbEngine

    return DuckDbEngine(
        memory_limit=f"{settings.memory}B" if settings.memory else "",
        threads=settings.threads,
        temp_directory=settings.temp or None,
    )


def who_reads(settings: EngineSettings) -> Callable[[int], Together | None]:
    """Who reads the ranges of a file of so many bytes: Spark's executors, or None for this process itself."""

    def choose(size: int) -> Together | None:
        if settings.use != "spark" or size <= settings.convert_above:
            return None
        from posicional.backends.spark_ranges import by_spark

        return by_spark(_local(settings))

    return choose


def _local(settings: EngineSettings) -> LocalSpark:
    from posicional.backends.spark_session import LocalSpark

    memory = f"{settings.memory >> 20}m" if settings.memory else ""
    return LocalSpark(memory, settings.threads, settings.temp or None)
