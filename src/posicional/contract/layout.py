"""A layout: where each field of each kind of record lies. Resolved values, ready for the reader; picklable.

The words of the YAML and their checks are in `layout_source`. Here every position is an offset, every default is
applied, and nothing needs to be looked up again: a `Layout` that exists is one that covers its records exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

Type = Literal["string", "integer", "decimal", "date", "time", "timestamp", "boolean", "bytes", "group"]
Sign = Literal["none", "leading", "trailing", "overpunch"]
Point = Literal["implied", ".", ","]
Usage = Literal["display", "packed", "binary"]
Trim = Literal["both", "left", "right", "none"]
Framing = Literal["newline", "fixed", "rdw", "bdw"]
Role = Literal["header", "detail", "trailer"]
Unit = Literal["bytes", "chars"]
Bound = int | Decimal | date | str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record, or of one occurrence of a repeated group.

    `start` is a 0-based offset in the layout's unit (bytes or characters) from the start of the record; inside a
    group, from the start of the occurrence. `width` is the width of one occurrence. `digits` is the precision and
    `scale` the digits behind the point. `missing` spellings are compared with the field's text as it stands, and
    trimmed. A `sign` other than none makes a packed or binary number signed, wherever it stands. `%f` in a `format`
    takes the 1 to 6 digits that the width leaves. `repeat` above 1 makes a list column; type `group` (always with
    `fields`) makes a list of structs.
    """

    name: str
    start: int
    width: int
    type: Type
    digits: int = 0
    scale: int = 0
    sign: Sign = "none"
    point: Point = "implied"
    usage: Usage = "display"
    format: str = ""
    pivot: int | None = None
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    required: bool = False
    trim: Trim = "both"
    enum: tuple[str, ...] = ()
    minimum: Bound | None = None
    maximum: Bound | None = None
    personal: bool = False
    repeat: int = 1
    fields: tuple[Field, ...] = ()

    @property
    def holds_personal(self) -> bool:
        """Whether it is personal, or a field inside it is."""
        return self.personal or any(inner.holds_personal for inner in self.fields)

    @property
    def stop(self) -> int:
        """Offset behind the field's last occurrence."""
        return self.start + self.width * self.repeat


@dataclass(frozen=True, slots=True)
class Match:
    """The bytes at `start` (layout's unit) are one of `values`, which all have the same width in that unit."""

    start: int
    width: int
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class When:
    """How a kind of record is known: all matches hold, or `otherwise` (no other kind matched)."""

    matches: tuple[Match, ...] = ()
    otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A control record's `field` must equal what the feed knows: `date` (the business date) or a literal text."""

    field: str
    equals: str
    is_date: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """A trailer's figure that must agree with what was read in its scope (the file, or the group it closes).

    `what` is `count` or `sum`. A count counts `kinds` (`all` = every record of the scope, `detail` = every detail kind,
    `group` = groups in the scope) and includes rejects; a sum adds `kind.field` of the scope. `field` describes where
    the figure stands in the control record (a real field of it, or one made from `pos`).
    `zero_unfilled`: a figure of zero means that the sender did not fill it.
    """

    what: Literal["count", "sum"]
    of: Literal["all", "detail", "group", "kinds"]
    kinds: tuple[str, ...]
    summed: str
    field: Field
    zero_unfilled: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A running number at `field`, beginning with `first`, counted anew `per` file or per named group."""

    field: Field
    first: int = 1
    per: str = "file"


@dataclass(frozen=True, slots=True)
class RecordKind:
    """One kind of record. `length` is in the layout's unit, without the line end; bytes no field covers are filler."""

    name: str
    role: Role
    when: When
    length: int
    fields: tuple[Field, ...]
    checks: tuple[Check, ...] = ()
    controls: tuple[Control, ...] = ()
    sequence: Sequence | None = None
    opens: str = ""
    closes: str = ""
    table: bool = False

    @property
    def is_control(self) -> bool:
        """A header or trailer, of the file or of a group."""
        return self.role != "detail"


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole layout. `digest` is the sha256 (hex) of its meaning: comments and spelling do not change it.

    `short`: what happens to a record that is too short (`pad` fills only filler and optional text).
    """

    name: str
    digest: str
    encoding: str
    unit: Unit
    framing: Framing
    short: Literal["reject", "pad"]
    kinds: tuple[RecordKind, ...]

    @staticmethod
    def load(path: str | Path) -> Layout:
        """Read a layout's YAML. Raises `ContractError` with every fault, `UsageError` when there is no such file."""
        from posicional.contract.layout_source import load_layout

        return load_layout(Path(path))

    @property
    def details(self) -> tuple[RecordKind, ...]:
        """The kinds whose records are rows, in the layout's order."""
        return tuple(kind for kind in self.kinds if kind.role == "detail")

    def tables(self, file: str) -> dict[str, RecordKind]:
        """Table name -> kind, for a file called `file`: the file's own name where there is only one table."""
        details = self.details
        names = {kind.name: file if len(details) == 1 else f"{file}_{kind.name}" for kind in details}
        names |= {kind.name: f"{file}_{kind.name}" for kind in self.kinds if kind.is_control and kind.table}
        return {names[kind.name]: kind for kind in self.kinds if kind.name in names}
