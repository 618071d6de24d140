"""What reading a file gives besides its rows: parts, control records, problems, and the account of every byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Value = str | int | bool | Decimal | date | None


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet part: name below its prefix, the table it belongs to, rows, size in bytes."""

    name: str
    table: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Account:
    """Where every byte and record of the (decompressed) input went; taken apart from the decoding.

    Bytes include line ends and record descriptors: `bytes == data + control + rejected + ignored`.
    Records: `records == rows + rejects + controls` (an ignored blank tail is no record).
    """

    bytes: int = 0
    data: int = 0
    control: int = 0
    rejected: int = 0
    ignored: int = 0
    records: int = 0
    rows: int = 0
    rejects: int = 0
    controls: int = 0

    @property
    def balanced(self) -> bool:
        """Whether nothing was lost or counted twice."""
        return (
            self.bytes == self.data + self.control + self.rejected + self.ignored
            and self.records == self.rows + self.rejects + self.controls
        )


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """A header or trailer as it was read. Values of personal fields are left out."""

    kind: str
    line: int
    byte: int
    values: Mapping[str, Value]


Reason = Literal["rejects", "control", "header", "structure", "ambiguous", "empty", "stream", "account"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file as a whole cannot be used. `line` is 1-based, 0 where no line can be named."""

    reason: Reason
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Conversion:
    """The outcome of reading one file: usable when `problems` is empty.

    `rejects` are parts too (see `records.rejects` for their schema); `sha256` is the content hash of the stored object
    (over the sha256s of consecutive 8 MiB pieces); `tables` gives the rows of each table.
    """

    parts: tuple[Part, ...]
    rejects: tuple[Part, ...]
    tables: Mapping[str, int]
    controls: tuple[ControlRecord, ...]
    account: Account
    problems: tuple[Problem, ...]
    sha256: str
    size: int
