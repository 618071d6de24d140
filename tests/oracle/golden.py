"""Golden cases: folders with a layout, an input, and what must come of it, all of them text that a person can read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from oracle.codepages import encode
from oracle.slow_reader import Reading, no_rejects, read
from posicional.contract.layout import Layout

CASES = Path(__file__).parents[1] / "cases" / "records"
FILE, KEY = "file", "file.txt"
"""What every case's file is called in the contract, and its key."""


@dataclass(frozen=True)
class Case:
    """One folder: `layout.yaml`; `input.txt` (the bytes themselves) or `input.hex`; `given.json` where a contract says
    more (`date`, `max_rejects`, `allow_empty`).
    """

    path: Path

    @property
    def layout(self) -> Layout:
        """The layout, as a user's would be loaded."""
        return Layout.load(self.path / "layout.yaml")

    @property
    def given(self) -> dict[str, Any]:
        """The contract's other words for the file."""
        path = self.path / "given.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    @property
    def date(self) -> date | None:
        """The business date, where the case has one."""
        return date.fromisoformat(self.given["date"]) if "date" in self.given else None

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        plain = self.path / "input.txt"
        if plain.exists():
            return plain.read_bytes()
        return unhex((self.path / "input.hex").read_text(), self.layout.encoding)

    def expected(self, name: str) -> Any:
        """What stands in one of the golden files: tables, rejects or outcome."""
        return json.loads((self.path / f"{name}.json").read_text())


def all_cases() -> list[Case]:
    """Every folder of cases, by name."""
    return [Case(path.parent) for path in sorted(CASES.glob("*/layout.yaml"))]


def unhex(text: str, encoding: str) -> bytes:
    """Bytes from lines of pairs of hexadecimal digits, texts in single quotes (in the encoding), and # comments."""
    made = b""
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=False)
        lexer.whitespace_split = True
        lexer.quotes = "'"
        for word in lexer:
            made += encode(word[1:-1], encoding) if word.startswith("'") else bytes.fromhex(word)
    return made


def by_slow_reader(case: Case) -> Reading:
    """What the independent reader says of a case."""
    allowed = case.given.get("max_rejects", 0)
    allows: Callable[[int, int], bool] = no_rejects if not allowed else lambda rejects, _: rejects <= allowed
    allow_empty = case.given.get("allow_empty", False)
    return read(
        case.data, case.layout, file=FILE, key=KEY, date=case.date, allows=allows, allow_empty=allow_empty
    )  # fmt: skip


def described(reading: Reading) -> dict[str, Any]:
    """A reading as the three golden files: `tables`, `rejects`, `outcome`."""
    return {
        "tables": {table: [_row(row) for row in rows] for table, rows in reading.tables.items()},
        "rejects": [{**asdict(reject), "raw": reject.raw.hex()} for reject in reading.rejects],
        "outcome": {
            "account": asdict(reading.account),
            "controls": [{**asdict(control), "values": _row(control.values)} for control in reading.controls],
            "problems": [{"reason": reason, "line": line} for reason, line in reading.problems],
        },
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _shown(value) for name, value in row.items()}


def _shown(value: Any) -> Any:
    """A value as JSON has it; numbers beyond integers, moments and bytes as text."""
    match value:
        case list():
            return [_shown(one) for one in value]
        case dict():
            return _row(value)
        case datetime():
            return value.isoformat(" ")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case bytes():
            return value.hex()
        case _:
            return value


def rewrite() -> None:
    """Write every case's golden files anew from the slow reader; a person then looks at the difference."""
    for case in all_cases():
        for name, content in described(by_slow_reader(case)).items():
            lines = json.dumps(content, ensure_ascii=False, indent=1)
            (case.path / f"{name}.json").write_text(lines + "\n", encoding="utf-8")
