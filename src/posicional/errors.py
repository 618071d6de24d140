"""Every error that posicional raises on purpose, and the exit code each one means.

    PosicionalError            1  (never raised itself; whatever else escapes is a bug, and also 1)
    ├── UsageError             2  the command's words are wrong
    │   ├── ContractError      2  the feed or a layout is wrong: carries every fault
    │   └── SqlError           2  a dataset's SQL is wrong
    ├── NotDone                3  the day is not complete, another run is live, or the deadline is missed
    ├── DataRefused            4  a file, a key or an expectation was refused (goes before NotDone)
    └── OutsideError           5  something outside failed after retries
        ├── StoreError
        │   ├── ObjectMissing
        │   └── ObjectExists
        ├── EngineError
        ├── TargetError
        ├── NotifyError
        └── OutOfTime

A message says where, what was expected, what was there, and what to do next. It never holds the value of a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class PosicionalError(Exception):
    """Base of all errors a user can meet.

    Attributes: `where` (file, line, object), `expected`, `got`, `hint` (what to do next); each may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", expected: str = "", got: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.expected = expected
        self.got = got
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        if self.expected:
            text += f"; expected {self.expected}"
        if self.got:
            text += f", got {self.got}" if self.expected else f"; got {self.got}"
        return f"{text} -> {self.hint}" if self.hint else text


class UsageError(PosicionalError):
    """The command or one of its arguments is wrong."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a contract: `file` and 1-based `line` of the YAML, `path` inside it, what, and what to do."""

    file: str
    line: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: {self.path}" if self.path else f"{self.file}:{self.line}"
        text = f"{where}: {self.message}"
        return f"{text} -> {self.hint}" if self.hint else text


class ContractError(UsageError):
    """A feed or layout is wrong. `faults` holds all of them, in the order of the files' lines."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        count = len(self.faults)
        super().__init__(f"{count} fault{'s' if count != 1 else ''} in the contract")

    def __str__(self) -> str:
        return "\n".join([*map(str, self.faults), self.message])


class SqlError(UsageError):
    """A dataset's SQL cannot be read, uses what is not allowed, or names what is not there."""


class NotDone(PosicionalError):
    """The day is not complete yet, another run is live, or the deadline is missed."""

    exit_code = 3


class DataRefused(PosicionalError):
    """Data was refused: a file, a key that is not unique, an expectation that does not hold."""

    exit_code = 4


class OutsideError(PosicionalError):
    """Something outside (store, engine, OpenSearch, AWS) failed after retries."""

    exit_code = 5


class StoreError(OutsideError):
    """The store refused or failed: full, read-only, unreachable, not what it should be."""


class ObjectMissing(StoreError):
    """No object under this key (or not in this version)."""


class ObjectExists(StoreError):
    """A create-only write met an object that is already there."""


class EngineError(OutsideError):
    """The SQL engine failed while it ran."""


class TargetError(OutsideError):
    """The publishing target failed or could not be reached."""


class NotifyError(OutsideError):
    """An alert could not be sent."""


class OutOfTime(OutsideError):
    """This process is about to be stopped, so it gave up what it was at; another one goes on with it."""


_WORST_FIRST = (1, 5, 2, 4, 3)


def worst(exit_codes: Iterable[int]) -> int:
    """The exit code of several things together: a bug, something outside, the contract, the data, not done; else 0."""
    found = set(exit_codes)
    return next((code for code in _WORST_FIRST if code in found), 0)
