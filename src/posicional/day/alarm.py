"""What people are told of a day at its deadline: what, since when, which files, whose turn, what readers see, and the
command to use. In Portuguese or English; a mail or a message shows it as it is.

Only names, times, counts, reasons and addresses of the contract stand in it, never the value of a field.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from posicional.contract.feed import Feed
from posicional.day.alarm_words import WORDS, Language, Words
from posicional.day.alerts import DEADLINE, EXPECTED, FAILED, REFUSED, UNUSUAL, overdue_files
from posicional.day.deadline import Situation, Stage
from posicional.day.errors_pt import error_in_portuguese, shown
from posicional.day.facts import Done, Seen
from posicional.day.history import Habit, History
from posicional.day.keys import RUNS
from posicional.day.problems_pt import in_portuguese
from posicional.day.state import Day, FileDay
from posicional.day.usual import Early, Unusual

MOST_REASONS = 3
"""So many reasons of one refusal or failure are told; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """An alarm is told once more: for which time, and since when it stands."""

    again: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is told. `store`: what the commands in it must be given, where it is not the feed's own; else empty."""

    language: Language = "pt"
    store: str = ""
    reminder: Reminder | None = None


def alarm(feed: Feed, day: Day, found: Situation, history: History, manner: Manner) -> str:
    """The whole text, without a line end. The first line alone says what is the matter."""
    told = _Alarm(feed, day, found, history, Early(found.due), manner)
    return "\n".join([*told.lines(), *told.below(DEADLINE, over=found.good)])


def warning(
    feed: Feed, day: Day, found: Situation, history: History, early: Early, condition: str, manner: Manner
) -> str:
    """What people are told of another condition than the deadline's, or of its end."""
    told = _Alarm(feed, day, found, history, early, manner)
    lines = {EXPECTED: told.overdue, UNUSUAL: told.unusual, REFUSED: told.all_refused, FAILED: told.failed}
    return "\n".join([*lines[condition](), *told.below(condition, over=is_over(condition, day, found, early))])


def is_over(condition: str, day: Day, found: Situation, early: Early) -> bool:
    """Whether nobody needs to act because of a condition."""
    match condition:
        case "expected":
            return not overdue_files(day, found, early.late or ())
        case "unusual":
            return not early.unusual
        case "refused":
            return not found.refused
        case "failed":
            return found.stage is None
    return found.good


def unreadable(feed: Feed, day: date, due: datetime, error: str, language: Language = "pt") -> str:
    """What is said when the ledger cannot be read: nothing is known, and that is told as well."""
    words = WORDS[language]
    head = _head(feed, Situation(day, due, "unknown"), words)
    return f"{words.unknown.format(head=head)}\n  {words.reason:<{words.width}}{_error(error, language, words)}"


@dataclass(frozen=True, slots=True)
class _Alarm:
    feed: Feed
    day: Day
    found: Situation
    history: History
    early: Early
    manner: Manner

    @property
    def language(self) -> Language:
        """In which it is told."""
        return self.manner.language

    @property
    def words(self) -> Words:
        """Its words."""
        return WORDS[self.language]

    def lines(self) -> Iterator[str]:
        found, words, head = self.found, self.words, _head(self.feed, self.found, self.words)
        if found.standing == "no business day":
            yield words.no_business_day.format(head=head)
        elif found.shown is not None:
            late = words.late if found.standing == "published late" else words.in_time
            yield words.published.format(head=head, late=late, at=words.moment(self.local(found.shown)))
        elif found.standing == "skipped":
            yield words.skipped.format(head=head, decided=self.decided())
        elif found.standing == "not due":
            yield words.not_due.format(head=head, what=self.what())
        else:
            yield words.alarm.format(head=head, what=self.what(), readers=self.readers())
            yield from self.details()

    # --- the first line ---

    def what(self) -> str:
        """What is the matter, in a few words."""
        found, words = self.found, self.words
        counts = {"n": len(found.missing), "of": found.required}
        match found.standing:
            case "held":
                return words.held.format(decided=self.decided())
            case "running" | "failed":
                return self.gate_open()
            case "nothing arrived":
                return words.nothing.format(**counts)
            case "refused":
                return (words.refused_one if len(found.missing) == 1 else words.refused_many).format(**counts)
        if set(found.missing) - set(found.unread):
            return (words.missing_one if len(found.missing) == 1 else words.missing_many).format(**counts)
        return self.gate_open()

    def gate_open(self) -> str:
        """What is the matter though no required file is missing."""
        found, words, stage, run = self.found, self.words, self.found.stage, self.day.run
        if stage:
            return words.stages[stage.status].format(turn=self.turn(stage), at=self.at(stage.since))
        if found.optional and found.until:
            return words.optional.format(files=", ".join(found.optional), until=self.at(found.until))
        if found.unread:
            return words.unread.format(files=", ".join(found.unread))
        return words.unpublished.format(run=run.number) if run else words.unprocessed.format(of=found.required)

    def readers(self) -> str:
        """What readers see meanwhile."""
        seeing = self.history.seeing
        if seeing is None:
            return self.words.readers_nothing if self.history.complete else self.words.readers_unknown
        return self.words.readers.format(day=_day(self.feed, seeing.date, self.words), run=seeing.run)

    def decided(self) -> str:
        """Who decided that the day rests, since when, and why."""
        decision = self.found.decision
        if decision is None:
            return self.words.undecided
        return self.words.decided.format(who=_person(decision.who), at=self.at(decision.at), why=decision.why)

    # --- the lines below it ---

    def details(self) -> Iterator[str]:
        """Whose turn it is: the files' senders, or whoever looks after the feed."""
        found, files = self.found, self.day.files
        names = [name for name in files if name in {*found.missing, *found.refused, *found.unread, *found.optional}]
        width = max(map(len, names), default=0)
        for name in names:
            file = files[name]
            if name in found.refused:
                yield f"{self.label(self.words.refused)}{name:<{width}}  {self.refused(file)}"
            elif name in found.unread:
                yield f"{self.label(self.words.not_read)}{name:<{width}}  {self.came(file)}"
            else:
                yield f"{self.label(self.words.missing)}{name:<{width}}  {self.missing(file)}"
        yield from self.turns()
        span = self.history.until_shown
        if span is not None and found.standing in ("waiting", "refused", "nothing arrived", "running"):
            text = self.words.usually if found.standing == "running" else self.words.after
            yield f"  {text.format(span=self.words.span(span))}"

    def turns(self) -> Iterator[str]:
        """Why it is not done, and the command to use, where that is not said of a file."""
        found, words, stage = self.found, self.words, self.found.stage
        run = self.command("run")
        if found.standing == "held":
            yield f"{self.label(words.turn)}{words.releases} -> {self.command('release', why=True)}"
        elif found.standing == "running" and stage and not found.until:
            yield f"{self.label(words.turn)}{words.nobody.format(turn=self.turn(stage), who=_person(stage.owner))}"
        elif found.standing == "running" and found.until:
            yield from self.reason(stage)
            yield f"{self.label(words.turn)}{words.retried.format(until=self.at(found.until))}"
        elif found.standing == "failed" and stage:
            yield from self.blamed(stage)
        elif found.standing == "not processed":
            yield f"{self.label(words.turn)}{words.operator} -> {run}"

    def blamed(self, stage: Stage) -> Iterator[str]:
        """Why a turn failed, and who is to mend that."""
        yield from self.reason(stage)
        until = f" ({self.at(self.found.until)})" if self.found.until else ""
        who = self.words.outage if stage.outage else self.words.blamed[stage.blame or "outside"]
        yield f"{self.label(self.words.turn)}{who.format(run=self.command('run'), until=until)}"

    def reason(self, stage: Stage | None) -> Iterator[str]:
        """Why the last attempt failed."""
        if stage and stage.reason:
            yield f"{self.label(self.words.reason)}{_error(stage.reason, self.language, self.words)}"

    def missing(self, file: FileDay) -> str:
        """When it usually comes, whom to ask, and when it came last."""
        habit, expected = self.history.habits.get(file.name), file.expected
        known = [self.due_by(file, habit)]
        known += [expected.owner] if expected.owner else []
        known += [self.words.last.format(at=self.words.moment(habit.last))] if habit else []
        return " · ".join(filter(None, known)) or self.words.named.format(name=expected.pattern.format(self.found.date))

    def due_by(self, file: FileDay, habit: Habit | None) -> str:
        """When it should be here: by what is usual, where that makes it late, or else by what is known of it."""
        words, expected, name = self.words, file.expected, file.name
        by = expected.expected_by
        at = self.at(self.feed.calendar.due_at(by, self.found.date, self.feed.timezone)) if by else ""
        if name in (self.early.late or ()):
            usual = self.clock(self.early.known[name].by)
            return words.usual_by.format(at=usual, now=self.at(self.early.now))
        if name in self.found.overdue and at and self.early.now < self.found.due:
            return words.expected_now.format(at=at, now=self.at(self.early.now))
        if habit and habit.usual is not None:
            return words.usual.format(at=self.clock(habit.usual))
        return words.expected.format(at=at) if at else ""

    def refused(self, file: FileDay) -> str:
        """Since when, why, and what to do."""
        arrival = file.refused
        done = file.done(arrival) if arrival else None
        return f"{self.came(file)}  {self.reasons(file)} -> {self.words.send_again}{self.accept(file, done)}"

    def accept(self, file: FileDay, done: Done | None) -> str:
        """The command for taking a refused file as it is, where there is something to take."""
        if done is None or not done.parts:
            return ""
        return self.words.otherwise.format(command=self.command("accept", file.name, why=True))

    def reasons(self, file: FileDay) -> str:
        """Why it was refused."""
        texts = [in_portuguese(text) if self.language == "pt" else text for text in file.refusal]
        return "; ".join(_some(texts, self.words))

    def came(self, file: FileDay) -> str:
        """When its newest arrival came."""
        seen = file.newest.seen if file.newest else None
        return self.at(seen.modified if isinstance(seen, Seen) else seen.at) if seen else ""

    # --- other conditions ---

    def overdue(self) -> Iterator[str]:
        """An early warning: files that should be here, or usually are."""
        words, names = self.words, overdue_files(self.day, self.found, self.early.late or ())
        day = _day(self.feed, self.found.date, words)
        if not names:
            yield words.overdue_over.format(feed=self.feed.name, day=day, why=self.nothing_overdue())
            return
        yield words.overdue.format(feed=self.feed.name, day=day, files=", ".join(names), due=self.at(self.found.due))
        width = max(map(len, names))
        for name in names:
            yield f"{self.label(words.missing)}{name:<{width}}  {self.missing(self.day.files[name])}"
        without = words.without.format(command=self.command("waive", names[0], why=True)) if len(names) == 1 else ""
        yield f"{self.label(words.turn)}{words.senders}{without}"

    def nothing_overdue(self) -> str:
        """Why an early warning is over: what was expected has come, or a person goes on without it."""
        without = [name for name in self.day.waived if not self.day.files[name].arrivals]
        if self.found.standing == "skipped":
            return self.words.skipped.format(head="", decided=self.decided()).strip()
        return self.words.goes_without.format(files=", ".join(without)) if without else self.words.all_came

    def unusual(self) -> Iterator[str]:
        """An early warning: files that came and are not as they usually are."""
        words, found = self.words, self.early.unusual
        day = _day(self.feed, self.found.date, words)
        if not found:
            yield words.unusual_over.format(feed=self.feed.name, day=day)
            return
        names = dict.fromkeys(one.file for one in found)
        yield words.unusual.format(feed=self.feed.name, day=day, files=", ".join(names))
        width = max(map(len, names))
        for one in found:
            file = self.day.files[one.file]
            known = [f"{self.came(file)}  {self.seems(one)}", *([file.expected.owner] if file.expected.owner else [])]
            yield f"{self.label(words.came)}{one.file:<{width}}  {' · '.join(known)}"
        yield f"{self.label(words.turn)}{words.asks}"

    def seems(self, one: Unusual) -> str:
        """What is unusual, beside what is usual."""
        text = {"rows": self.words.rows, "rejects": self.words.rejects, "same": self.words.same}[one.what]
        low, high = map(self.words.number, one.usual)
        return text.format(got=self.words.number(one.got), low=low, high=high)

    def all_refused(self) -> Iterator[str]:
        """Refused files, and what counts instead."""
        words, names = self.words, self.found.refused
        day = _day(self.feed, self.found.date, words)
        if not names:
            yield words.refused_over.format(feed=self.feed.name, day=day)
            return
        yield words.refused_now.format(feed=self.feed.name, day=day, files=", ".join(names))
        width = max(map(len, names))
        for name in names:
            file = self.day.files[name]
            yield f"{self.label(words.refused)}{name:<{width}}  {self.refused(file)}"
            if file.current:
                yield f"{self.label(words.counts)}{name:<{width}}  {words.arrival.format(n=file.current.number)}"

    def failed(self) -> Iterator[str]:
        """A failed run or publication, or the one that went well after it."""
        words, stage, run = self.words, self.found.failed or self.found.stage, self.day.run
        day = _day(self.feed, self.found.date, words)
        if stage is None:
            yield words.failed_over.format(feed=self.feed.name, day=day, run=run.number if run else "?")
            return
        yield words.failed_now.format(feed=self.feed.name, day=day, turn=self.turn(stage), at=self.at(stage.since))
        yield from self.blamed(stage)

    def below(self, condition: str, *, over: bool) -> Iterator[str]:
        """What stands below everything that somebody should act on: what readers see, where to look, how to end it."""
        words, run = self.words, self.day.run
        if over:
            return
        if condition != DEADLINE:  # whose first line says it
            day = _day(self.feed, self.found.date, words)
            own = words.readers.format(day=day, run=run.number) if self.found.shown and run else ""
            yield f"  {own or self.readers()}"
        if self.feed.board:
            yield f"{self.label(words.board)}{self.feed.board}/feed/{self.feed.name}/{self.found.date.isoformat()}"
        if again := self.manner.reminder:
            command = self.command("ack", condition)
            said = words.reminded.format(n=again.again, at=self.at(again.since), command=command)
            yield f"{self.label(words.reminder)}{said}"

    # --- words ---

    def label(self, word: str) -> str:
        """The word that begins a line, with the blanks that stand round it."""
        return f"  {word:<{self.words.width}}"

    def turn(self, stage: Stage) -> str:
        """A run or publication with its number."""
        name = "run" if stage.series == RUNS else self.words.publication
        return f"{name} {stage.number}"

    def command(self, name: str, *words: str, why: bool = False) -> str:
        """A command that can be copied."""
        day = self.feed.calendar.format_date(self.found.date)
        store = ["--store", self.manner.store] if self.manner.store else []
        said = ["posicional", name, str(self.feed.path), *words, "--date", day, *store]
        return shlex.join(said) + (' --why "…"' if why else "")

    def clock(self, usual: timedelta) -> str:
        """A time of day, with the day where it is another one."""
        days, clock = divmod(usual + timedelta(seconds=30), timedelta(days=1))
        at = f"{clock // timedelta(hours=1):02d}:{clock // timedelta(minutes=1) % 60:02d}"
        return self.words.on_day(at, days, self.feed.calendar.is_monthly)

    def at(self, moment: datetime) -> str:
        """A local moment: the time alone where it is on the deadline's day."""
        local = self.local(moment)
        same = local.date() == self.found.due.date()
        return f"{local:%H:%M}" if same else self.words.moment(local)

    def local(self, moment: datetime) -> datetime:
        """In the feed's zone."""
        return moment.astimezone(self.feed.timezone)


def _head(feed: Feed, found: Situation, words: Words) -> str:
    """The feed, the business date, and when it is due."""
    day, due = _day(feed, found.date, words), found.due
    same = due.date() == found.date and not feed.calendar.is_monthly
    return (
        f"[{feed.name}] {day} {due:%H:%M}"
        if same
        else f"[{feed.name}] {day} ({words.due.format(at=words.moment(due))})"
    )


def _day(feed: Feed, day: date, words: Words) -> str:
    return words.month(day) if feed.calendar.is_monthly else words.day(day)


def _person(who: str) -> str:
    """The person and machine of a signature, without the process."""
    return who.partition(" pid ")[0] or "?"


def _error(text: str, language: Language, words: Words) -> str:
    """What an error said, in one line; what to do is in brackets: an arrow is left to what the alarm asks for."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[-1].endswith(" in the contract"):  # how many there are, behind all of them
        lines.pop()
    return " · ".join(_some([error_in_portuguese(line) if language == "pt" else shown(line) for line in lines], words))


def _some(texts: Sequence[str], words: Words) -> list[str]:
    """The first few, and how many more there are."""
    more = [words.more.format(n=len(texts) - MOST_REASONS)] if len(texts) > MOST_REASONS else []
    return [*texts[:MOST_REASONS], *more]
