"""English sentences of facts, told in Portuguese: by tables from one to the other.

In them `{name}` stands for as little as fits, `{name+}` for as much. The first sentence of a table that fits is taken;
what stands for something is translated as well, where the table knows it as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

Table = Mapping[str, str]
"""English -> Portuguese; the names in braces are the same on both sides."""

_ANYTHING = re.compile(r"\\\{(\w+)(\\\+)?\\\}")


def told(text: str, table: Table) -> str | None:
    """The sentence in Portuguese; None when the table does not know it."""
    return _told(text, table, (0,))


def told_behind_its_place(text: str, table: Table) -> str | None:
    """The same where a place may stand in front (`sql/ativos.sql:4: …`); it stays as it is."""
    return _told(text, table, (0, *(found.end() for found in re.finditer(": ", text))))


def _told(text: str, table: Table, starts: Sequence[int]) -> str | None:
    for english, portuguese in table.items():
        for start in starts:
            if found := _pattern(english).fullmatch(text, start):
                words = {name: told(word, table) or word for name, word in found.groupdict().items()}
                return text[:start] + portuguese.format(**words)
    return None


@cache
def _pattern(english: str) -> re.Pattern[str]:
    some = _ANYTHING.sub(lambda found: f"(?P<{found[1]}>.+{'' if found[2] else '?'})", re.escape(english))
    return re.compile(some, re.DOTALL)
