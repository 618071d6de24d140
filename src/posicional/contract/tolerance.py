"""How many rejects a file may have and still be used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from posicional.errors import UsageError


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many rejects a file may have: `count` records, or `share` of its records (0.001 = 0.1 %)."""

    count: int = 0
    share: Decimal | None = None

    def allows(self, rejects: int, records: int) -> bool:
        """Whether a file with so many rejects among so many records is still usable."""
        return rejects <= self.most(records)

    def most(self, records: int) -> int:
        """How many of so many records may be rejects."""
        return int(self.share * records) if self.share is not None else self.count


def parse_tolerance(text: str) -> Tolerance:
    """`12` (records) or `0.1%` (a share of the records). Raises `UsageError` that says what is accepted."""
    if re.fullmatch(r"[0-9]{1,18}", text):
        return Tolerance(count=int(text))
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%", text)
    share = Decimal(found[1]) / 100 if found else None
    if share is None or share > 1:
        raise UsageError(f"not a number of rejects: {text!r}", expected="a count such as 12, or a share such as 0.1%")
    return Tolerance(share=share)
