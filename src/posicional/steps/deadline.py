"""The deadline's check: from the ledger alone, so that it says something even when nothing ever began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from posicional.contract.feed import Feed
from posicional.day.facts import End, Seen
from posicional.day.journal import Ledger
from posicional.day.series import C, E, Turn
from posicional.day.state import Day, FileDay, fold, run_of, targets
from posicional.errors import DataRefused, NotDone, PosicionalError
from posicional.ports import Outside

Standing = Literal[
    "no business day",
    "not due",
    "published",
    "published late",
    "running",
    "failed",
    "refused",
    "waiting",
    "nothing arrived",
    "not processed",
]

GOOD: frozenset[Standing] = frozenset({"no business day", "not due", "published", "published late"})

LOOK_BACK = 10
"""How many business dates to go back for what readers see now."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """How a business date stands at its deadline. `text` is what the alarm says, in Portuguese."""

    feed: str
    date: date
    standing: Standing
    due: datetime
    text: str
    missing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether nobody needs to be told."""
        return self.standing in GOOD

    @property
    def problem(self) -> PosicionalError | None:
        """The error whose exit code the command ends with; None when nobody needs to be told."""
        if self.met:
            return None
        where = f"{self.feed} {self.date.isoformat()}"
        if self.refused:
            return DataRefused(f"the deadline is missed; refused: {', '.join(self.refused)}", where=where)
        return NotDone(f"the deadline is missed: {self.standing}", where=where)


def check_deadline(feed: Feed, day: date, outside: Outside) -> Deadline:
    """Whether a business date is published in time, and if not, what is in its way. Raises `StoreError`."""
    due = feed.calendar.due_at(feed.deadline, day, feed.timezone)
    if not feed.calendar.is_business_date(day):
        return Deadline(feed.name, day, "no business day", due, f"[{feed.name}] {day:%d/%m} não é dia útil do feed.")
    state = fold(feed, Ledger(outside, feed.name, day).read())
    standing = _standing(feed, state, due, outside.clock.now())
    text = _text(feed, state, standing, due, "" if standing in GOOD else _seen_by_readers(feed, state, outside))
    return Deadline(feed.name, day, standing, due, text, state.missing, state.refused)


def _standing(feed: Feed, day: Day, due: datetime, now: datetime) -> Standing:
    at = _shown_at(feed, day)
    if at is not None:
        return "published" if at <= due else "published late"
    if now < due:
        return "not due"
    last = day.runs[-1] if day.runs else None
    if last is not None and last.status == "live":
        return "running"
    if not any(file.arrivals for file in day.files.values()):
        return "nothing arrived"
    if day.missing:
        return "refused" if set(day.missing) <= set(day.refused) else "waiting"
    failed = last is not None and last.status in ("failed", "abandoned")
    unpublished = any(turns and not turns[-1].succeeded for turns in day.publications.values())
    return "failed" if failed or unpublished else "not processed"


def _shown_at(feed: Feed, day: Day) -> datetime | None:
    """When readers first saw the day; None when they do not. Without a target: when the first run succeeded."""
    moments = [_first_success(day.publications[target]) for target in targets(feed)] or [_first_success(day.runs)]
    known = [moment for moment in moments if moment is not None]
    return max(known) if len(known) == len(moments) else None


def _first_success(turns: Sequence[Turn[C, E]]) -> datetime | None:
    return next((turn.end.at for turn in turns if turn.succeeded and turn.end), None)


def _text(feed: Feed, day: Day, standing: Standing, due: datetime, readers: str) -> str:
    head = f"[{feed.name}] {_day(feed, day.date)} {due:%H:%M}"
    at = _shown_at(feed, day)
    if at is not None:
        late = "com atraso" if standing == "published late" else "no prazo"
        return f"{head} publicado {late}, {at.astimezone(feed.timezone):%d/%m %H:%M}."
    if standing == "not due":
        return f"{head} ainda não venceu: {_what(day, standing)}."
    lines = [f"{head} ATRASADO: {_what(day, standing)}. Nada publicado; {readers}."]
    lines += [_missing_line(feed, day, day.files[name]) for name in day.missing if name not in day.refused]
    lines += [_refused_line(feed, day.files[name]) for name in day.refused]
    return "\n".join(lines)


def _what(day: Day, standing: Standing) -> str:
    required = sum(1 for file in day.files.values() if file.expected.required)
    last = day.runs[-1] if day.runs else None
    match standing:
        case "running" if last:
            return f"run {last.number} em andamento, de {last.owner or 'alguém'}"
        case "failed" if last and last.status != "succeeded":
            return f"run {last.number} falhou: {last.end.reason if isinstance(last.end, End) else 'fim ilegível'}"
        case "failed":
            return "a publicação falhou"
        case "nothing arrived":
            return f"nada chegou (0 de {required})"
    if day.missing:
        count = len(day.missing)
        return f"falta{'m' if count > 1 else ''} {count} de {required}"
    return "todos os arquivos chegaram, nada foi processado" if not day.runs else "falta publicar"


def _missing_line(feed: Feed, day: Day, file: FileDay) -> str:
    expected = file.expected
    words = [file.name, expected.pattern.format(day.date)]
    if expected.expected_by:
        words.append(f"esperado até {feed.calendar.due_at(expected.expected_by, day.date, feed.timezone):%H:%M}")
    if expected.owner:
        words.append(expected.owner)
    return f"  falta     {' · '.join(words)}"


def _refused_line(feed: Feed, file: FileDay) -> str:
    arrival = file.refused
    seen = arrival.seen if arrival else None
    at = seen.modified if isinstance(seen, Seen) else seen.at if seen else None
    why = "; ".join(file.refusal)
    clock = f"{at.astimezone(feed.timezone):%H:%M}" if at else ""
    return f"  recusado  {file.name} · {clock} · {why} -> reenviar"


def _seen_by_readers(feed: Feed, day: Day, outside: Outside) -> str:
    """What readers see instead: the newest earlier date that is published."""
    earlier = day.date
    for _ in range(LOOK_BACK):
        earlier = feed.calendar.previous(earlier)
        state = fold(feed, Ledger(outside, feed.name, earlier).read())
        if _shown_at(feed, state) is not None:
            shown = [turn for target in targets(feed) if (turn := state.publication(target))]
            run = run_of(shown[0]) if shown else state.run.number if state.run else 0
            return f"os leitores veem {_day(feed, earlier)} (run {run})"
    return "os leitores não veem nenhum dia recente"


def _day(feed: Feed, day: date) -> str:
    return f"{day:%m/%Y}" if feed.calendar.is_monthly else f"{day:%d/%m}"
