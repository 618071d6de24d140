"""The times of a feed: its calendar with holidays, and when something is due."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path

from posicional.contract.calendar import Calendar, Due, Holidays
from posicional.contract.feed_words import CalendarWords, DueWords
from posicional.contract.holidays_br import PRESETS, Preset, available
from posicional.contract.source import Document, Where, reason

_AFTER = re.compile(r"([0-9]{1,3}) (business )?days?")


def compile_due(words: DueWords | None, where: Where, document: Document) -> Due | None:
    """When something is due; None with a fault where it cannot be told."""
    if words is None:
        return None
    here = (*where, "at") if words.where else where
    at = compile_time(words.at, here, document)
    found = _AFTER.fullmatch(words.after)
    if found is None:
        document.fault((*where, "after"), f"{words.after!r} is not understood", "0 days, 1 day, 5 business days")
    return Due(at, int(found[1]), business=bool(found[2])) if at and found else None


def compile_time(text: str, where: Where, document: Document) -> time | None:
    """A time of day; None with a fault."""
    if re.fullmatch(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", text):
        return time.fromisoformat(text)
    document.fault(where, f"{text!r} is not a time of day", 'such as "09:30" or "18:00"')
    return None


def compile_calendar(
    words: CalendarWords | None, document: Document, folder: Path
) -> tuple[Calendar | None, list[Document]]:
    """The calendar (None with a fault), and the file of holidays that was read for it."""
    if words is None:
        return (Calendar(), []) if "calendar" not in document.root.cut else (None, [])
    holidays: Holidays = frozenset()
    read: list[Document] = []
    if words.holidays and words.holidays.endswith(".csv"):
        holidays, read = _holidays(folder / words.holidays, words.holidays, document)
    elif words.holidays:
        holidays = _preset(words.holidays, document)
    if words.lost("days"):
        return None, read
    return Calendar(days=words.days, holidays=holidays, also_skip=frozenset(words.also_skip)), read


def _preset(name: str, document: Document) -> Holidays:
    """The holidays that have a name."""
    where: Where = ("calendar", "holidays")
    if name not in PRESETS:
        document.fault(where, f"{name} is not known", f"{', '.join(PRESETS)}, or a file: feriados.csv")
    elif not available():
        document.fault(where, f"{name} needs the library holidays", "pip install 'posicional[calendar]'")
    return Preset(name)


def _holidays(path: Path, said: str, document: Document) -> tuple[frozenset[date], list[Document]]:
    """The days in the first column of a CSV file, whose first line may be a heading."""
    where: Where = ("calendar", "holidays")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        document.fault(where, f"no such file: {said}", f"it was looked for at {path}")
        return frozenset(), []
    except (OSError, ValueError) as error:
        wrong = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {reason(error)}"
        document.fault(where, f"{said} {wrong}")
        return frozenset(), []
    days: set[date] = set()
    read = Document(str(path))
    for number, line in enumerate(lines, start=1):
        text = re.split("[,;\t]", line, maxsplit=1)[0].strip().strip('"')
        try:
            days.add(date.fromisoformat(text) if len(text) == len("2026-12-24") else date.fromisoformat("?"))
        except ValueError:
            if text and not text.startswith("#") and number > 1:
                read.lines[()] = number
                read.fault((), f"{text!r} is not a date", "write days as 2026-12-24")
    if not days and not read.faults:
        document.fault(where, f"{said} has no day in its first column", "write days as 2026-12-24")
    return frozenset(days), [read]
