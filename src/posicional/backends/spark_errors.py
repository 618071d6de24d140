"""What Spark says, as an error of ours: one sentence with what to do; no Java stack, and never the value of a field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from posicional.backends.spark_work import carried
from posicional.errors import DataRefused, EngineError, PosicionalError, SqlError
from posicional.sql.suspects import SEVERAL_ROWS, TRY, place_of

if TYPE_CHECKING:
    from posicional.sql.plan import Plan

_NO_FIT = (
    r"\[(CAST_\w+|(BINARY_|INTERVAL_)?ARITHMETIC_OVERFLOW|NUMERIC_VALUE_OUT_OF_RANGE|CANNOT_CHANGE_DECIMAL_PRECISION"
    r"|CANNOT_PARSE_\w+|DATETIME_OVERFLOW|INVALID_\w*INDEX\w*|INVALID_FRACTION_OF_SECOND)\]"
    "|DateTimeException|ArithmeticException|NumberFormatException"
)
VALUES = (
    ("DIVIDE_BY_ZERO", "a number is divided by zero in a cast or a calculation"),
    ("SCALAR_SUBQUERY_TOO_MANY_ROWS", SEVERAL_ROWS),
    (_NO_FIT, "a value does not fit in a cast or a calculation"),
)
"""Rows that a query cannot calculate with: what Spark's words have in them, and ours."""

FAILURES = (
    (
        "OutOfMemoryError",
        "Spark needs more memory than it may use",
        "give it more under engine:, or larger workers on Glue",
    ),
    (
        "No space left on device",
        "the disk of Spark's temporary folder is full",
        "make room there, or name another folder under engine:",
    ),
    (
        "FileNotFoundException|is not a Parquet file|FAILED_READ_FILE|Could not read footer",
        "parts cannot be read",
        "were they changed or removed? convert the file again",
    ),
    (
        "Py4JNetworkError|ConnectionRefusedError|ConnectionResetError|SparkContext was shut down",
        "Spark has stopped",
        "was it killed? run the command again",
    ),
)
"""What is no fault of the data: what Spark's words have in them, ours, and what to do."""

_FOREIGN = ("pyspark", "py4j")


@contextmanager
def explained(what: str, path: str, made: Plan | None = None) -> Iterator[None]:
    """Turn what Spark raises into an error of ours; `what` was being done for the file `path`, as planned."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _FOREIGN and not isinstance(error, ConnectionError):
            raise
        raise _explain(what, path, made, type(error).__name__, str(error)) from None


def _explain(what: str, path: str, made: Plan | None, kind: str, text: str) -> PosicionalError:
    ours = carried(text)
    if ours is not None:
        return ours
    for words, why in VALUES:
        if re.search(words, f"{kind}: {text}"):
            return DataRefused(f"{what}: {why}", where=place_of(made, text) if made else path, hint=TRY)
    if kind in ("AnalysisException", "ParseException"):  # names and types are looked at before: no data was
        said = re.sub(r"\s*;? ?\(?line \d+,? pos(ition)? \d+.*", "", text.strip().partition("\n")[0])
        return SqlError(f"{what}: Spark cannot run this: {said}", where=path, hint="say it otherwise")
    for words, why, hint in FAILURES:
        if re.search(words, f"{kind}: {text}"):
            return EngineError(f"{what}: {why}", where=path, hint=hint)
    return EngineError(f"{what}: Spark failed ({_cause(text) or kind})", where=path)


def _cause(text: str) -> str:
    """The name of the innermost exception: its words may hold a value."""
    python: list[str] = re.findall(r"^(\w+(?:Error|Exception|Interrupt)):? ?", text, re.MULTILINE)
    java: list[str] = re.findall(r"(?:Caused by: |: )(?:[a-z_0-9]+\.)+(\w+(?:Error|Exception))", text)
    return (python or java or [""])[-1]
