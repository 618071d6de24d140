"""The Spark session that datasets run in: the cluster's own on Glue or under spark-submit, else one on this machine.

What a query means is set for each of our sessions, whoever started Spark. What the machine may use is set only where we
start it ourselves.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from posicional.backends.java import java_home
from posicional.errors import EngineError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MEANING = {
    "spark.sql.ansi.enabled": "true",  # a value that does not fit is an error, never a silent null
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # a wall clock, as the layouts' timestamps are
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.ansi.enforceReservedKeywords": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
}
"""What decides about values: said in full, so that no cluster's defaults change a dataset."""

WORK = {
    # Joins and parts are fitted to the sizes that are found while it runs …
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.enabled": "true",
    "spark.sql.adaptive.skewJoin.enabled": "true",
    # … to 128 MB of shuffled data each, which are parts of 50 to 150 MB, rather than to one part for every core.
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "128MB",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    # A part of ours is read by as few tasks as will keep all cores at work.
    "spark.sql.files.maxPartitionBytes": "128MB",
    # Python takes rows in batches; small ones cost more in calls than in work.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
}
"""How the work is divided."""


_SILENCE = """\
appender.none.type = Null
appender.none.name = none
rootLogger.level = off
rootLogger.appenderRef.none.ref = none
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = off
"""
"""Of log4j, which would write to our terminal. What went wrong reaches us as an error, and becomes one of ours. (The
gateway raises the root's level again unless it has the same one of its own.)
"""


_STARTING = threading.Lock()


@dataclass(frozen=True, slots=True)
class LocalSpark:
    """What Spark may use where we start it: `memory` of the JVM (`4g`; empty: half of the machine's), `threads` (0: as
    many as the machine has cores), `temp_directory` for what is shuffled and spilled (None: the system's).
    """

    memory: str = ""
    threads: int = 0
    temp_directory: str | None = None


def open_session(local: LocalSpark | None = None) -> SparkSession:
    """A session of its own in the Spark that runs here; starts one on this machine where there is none.

    Raises `UsageError` where pyspark is not installed, `EngineError` when Spark cannot be started.
    """
    try:
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise UsageError("pyspark is not installed", hint="pip install 'posicional[spark]'") from None

    with _STARTING:
        # What a session says of itself is true of its thread only; several dates may be at work.
        running = SparkContext._active_spark_context is not None  # noqa: SLF001 - nothing else tells
        if not running and "PYSPARK_GATEWAY_PORT" not in os.environ:
            _start(local or LocalSpark())
        session = SparkSession.builder.getOrCreate().newSession()
    for name, value in (MEANING | WORK).items():
        session.conf.set(name, value)
    if is_local(session):
        # Four tasks a core even out the load; the default of 200 costs more in files than it divides.
        session.conf.set("spark.sql.shuffle.partitions", str(4 * session.sparkContext.defaultParallelism))
    return session


def is_local(session: SparkSession) -> bool:
    """Whether driver and executors are this machine."""
    return str(session.sparkContext.master).startswith("local")


def _start(local: LocalSpark) -> None:
    """Start Spark on this machine, for this process: nothing but loopback, no page, nothing on the terminal."""
    from pyspark.sql import SparkSession

    try:
        folder = tempfile.mkdtemp(prefix="posicional-spark-", dir=local.temp_directory)
    except OSError as error:
        raise EngineError(
            f"no temporary folder can be made: {error.strerror or error}",
            where=local.temp_directory or tempfile.gettempdir(),
            hint="make room there, or set TMPDIR to another folder",
        ) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    log = Path(folder, "log4j2.properties")
    log.write_text(_SILENCE)
    settings = {
        "spark.driver.memory": local.memory or f"{_half_of_memory() >> 20}m",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log.as_uri()} -Djava.io.tmpdir={folder}",
        "spark.local.dir": folder,
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.appName("posicional").master(f"local[{local.threads or '*'}]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    with _environment(JAVA_HOME=str(java_home()), PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1"):
        try:
            session = builder.getOrCreate()
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in ("pyspark", "py4j"):
                raise
            raise EngineError(
                f"Spark does not start ({type(error).__name__})",
                hint="is there memory enough, and is JAVA_HOME a Java 17?",
            ) from None
    atexit.register(session.stop)  # before its folder goes: what is registered last is done first


def _half_of_memory() -> int:
    """Bytes: the other half is for Python's workers and the files that the system keeps at hand."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Variables that the starting Spark is to see, and nobody after it."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
