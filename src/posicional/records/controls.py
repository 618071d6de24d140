"""Control records and what they must agree with.

A file is a sequence of control records (marks) and of what stands between them (segments: counts and sums). Segments
add up, so any range of a file yields such a sequence, and the sequences of neighbouring ranges follow one another.
`Walk` goes through the sequence once and says what is wrong: order, nesting, counts, sums, dates.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from posicional.contract.layout import Check, Control, Layout, RecordKind
from posicional.records.conversion import Account, ControlRecord, Problem, Reason, Value
from posicional.records.sequences import Key, Run, key_of

MOST_CONTROLS = 1000  # control records of groups that a conversion keeps
MOST_PROBLEMS = 50  # of one reason; a file with more is no better understood


@dataclass(slots=True)
class Segment:
    """The records between two control records: number by kind, rejected ones among them, sums by `kind.field`.

    Records of no kind count under `""`. Sums are unscaled. `runs`: the running numbers. `first`: line of the first one.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    runs: dict[Key, Run] = field(default_factory=dict)
    first: int = 0

    def add(self, other: Segment) -> None:
        """Take in the counts and sums of a segment that follows."""
        self.kinds.update(other.kinds)
        self.rejected.update(other.rejected)
        self.sums.update(other.sums)


@dataclass(frozen=True, slots=True)
class Mark:
    """A control record. `values` by field (None when it was rejected); `figures` by the controls of its kind, and
    `said` by its checks: what stands where they look.
    """

    kind: str
    line: int
    byte: int
    values: Mapping[str, Value] | None
    figures: tuple[Value, ...] = ()
    said: tuple[Value, ...] = ()
    runs: Mapping[Key, Run] = field(default_factory=dict)


class Problems:
    """Problems in the order of the lines, those of the whole file last; not too many of one reason."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._seen: Counter[str] = Counter()

    def add(self, reason: Reason, text: str, line: int = 0) -> None:
        """Note a problem."""
        self._seen[reason] += 1
        if self._seen[reason] <= MOST_PROBLEMS:
            self._found.append(Problem(reason, text, line))

    def __iter__(self) -> Iterator[Problem]:
        return iter(sorted(self._found, key=lambda one: one.line or sys.maxsize))


@dataclass(slots=True)
class Notes(Problems):
    """What a range of a file says about the whole, in order: problems, and items for the `Walk` through all ranges."""

    items: list[Segment | Mark | Problem] = field(default_factory=list)

    def add(self, reason: Reason, text: str, line: int = 0) -> None:
        """Note a problem."""
        self.items.append(Problem(reason, text, line))

    def __iter__(self) -> Iterator[Problem]:
        return (item for item in self.items if isinstance(item, Problem))


@dataclass(slots=True)
class _Scope:
    """What was read since the file or a group began. `line`: that of the group's header."""

    name: str
    line: int
    groups: int = 0
    total: Segment = field(default_factory=Segment)


class Walk:
    """The check of a file's control records, fed in the order of the file.

    `opened`: the groups that are open at the beginning, with their headers' lines, where it begins within a file.
    """

    def __init__(
        self,
        layout: Layout,
        business_date: date | None,
        problems: Problems,
        opened: Iterable[tuple[str, int]] = (),
    ) -> None:
        self._kinds = {kind.name: kind for kind in layout.kinds}
        self._details = {kind.name for kind in layout.details}
        self._scales = {f"{kind.name}.{one.name}": one.scale for kind in layout.kinds for one in kind.fields}
        self._date = business_date
        self._problems = problems
        self._scopes = [_Scope("", 0), *(_Scope(name, line) for name, line in opened)]
        self._of_file = {kind.name for kind in layout.kinds if is_of_file(kind)}
        self._seen: dict[str, int] = {}
        self._records = 0
        self._goes_on = False
        self._expected: dict[Key, int] = {}
        self._starts = {key_of(kind): kind.sequence.first for kind in reversed(layout.kinds) if kind.sequence}

    @property
    def opened(self) -> tuple[tuple[str, int], ...]:
        """The groups that are open, outermost first, each with its header's line."""
        return tuple((scope.name, scope.line) for scope in self._scopes[1:])

    @property
    def group(self) -> int | None:
        """Line of the header of the group that is open."""
        return self._scopes[-1].line if len(self._scopes) > 1 else None

    def take(self, item: Segment | Mark) -> int | None:
        """What follows next in the file. Returns the line of the header of the group that it belongs to."""
        if isinstance(item, Mark):
            return self._mark(item)
        self._segment(item)
        return self.group

    def _segment(self, segment: Segment) -> None:
        """Records that are no control records."""
        count = segment.kinds.total()
        if count:
            if not self._goes_on:  # else it was told where these records begin
                self._after_trailer(segment.first)
            self._goes_on = True
            self._records += count
            for scope in self._scopes:
                scope.total.add(segment)
            self._follow(segment.runs)

    def _mark(self, mark: Mark) -> int | None:
        """A control record."""
        kind = self._kinds[mark.kind]
        self._goes_on = False
        self._place(kind, mark.line)
        group = self.group
        self._count(mark)
        self._follow(mark.runs)
        closes = kind.closes and self._scopes[-1].name == kind.closes
        controls = kind.controls if closes or not kind.closes else ()  # of a group that is not open they say nothing
        if mark.values is None:
            self._unreadable(kind, controls, mark.line)
        else:
            for check, said in zip(kind.checks, mark.said, strict=True):
                self._check(check, kind, said, mark.line)
            for control, figure in zip(controls, mark.figures if controls else (), strict=True):
                self._control(control, kind, figure, mark.line)
        if closes:
            self._scopes.pop()
        return group

    def finish(self) -> None:
        """The file has ended: whatever had to come must have come."""
        if not self._records:
            return
        for name, kind in self._kinds.items():
            if name in self._of_file and name not in self._seen:
                place = "begins without its" if kind.role == "header" else "ends without its"
                self._problems.add("structure", f"the file {place} {kind.role} ({name})", self._records)
        for scope in self._scopes[1:]:
            self._problems.add(
                "structure", f"the group {scope.name} (from line {scope.line}) has no end", self._records
            )

    def _place(self, kind: RecordKind, line: int) -> None:
        """The file's header first, its trailer last, once each; groups opened and closed like brackets."""
        name = kind.name
        if name in self._of_file:
            if name in self._seen:
                self._problems.add(
                    "structure", f"a second {name} (line {line}); the first one is in line {self._seen[name]}", line
                )
            elif kind.role == "header" and self._records > sum(
                self._kinds[seen].role == "header" for seen in self._seen
            ):
                self._problems.add("structure", f"the {name} (line {line}) is not at the beginning", line)
        if not (name in self._of_file and kind.role == "trailer"):
            self._after_trailer(line)
        if name in self._of_file:
            self._seen.setdefault(name, line)
        self._nest(kind, line)

    def _nest(self, kind: RecordKind, line: int) -> None:
        """Open a group, or see that what ends was open."""
        name = kind.name
        if kind.opens:
            if any(scope.name == kind.opens for scope in self._scopes[1:]):
                self._problems.add(
                    "structure", f"a {kind.opens} begins (line {line}) before the one before has ended", line
                )
            for scope in self._scopes:
                scope.groups += 1
            self._scopes.append(_Scope(kind.opens, line))
            self._expected = {key: number for key, number in self._expected.items() if key[0] != kind.opens}
        elif kind.closes and self._scopes[-1].name != kind.closes:
            self._problems.add("structure", f"the {name} (line {line}) ends a {kind.closes} that is not open", line)
            if any(scope.name == kind.closes for scope in self._scopes[1:]):
                while self._scopes[-1].name != kind.closes:
                    self._scopes.pop()
        elif name in self._of_file and kind.role == "trailer" and len(self._scopes) > 1:
            self._problems.add(
                "structure", f"the {name} (line {line}) comes before the {self._scopes[-1].name} has ended", line
            )
            del self._scopes[1:]

    def _after_trailer(self, line: int) -> None:
        for name, where in self._seen.items():
            if self._kinds[name].role == "trailer":
                self._problems.add("structure", f"a record (line {line}) follows the {name} (line {where})", line)
                return

    def _count(self, mark: Mark) -> None:
        one = Segment(Counter({mark.kind: 1}))
        if mark.values is None:
            one.rejected[mark.kind] = 1
        for name, value in (mark.values or {}).items():
            path = f"{mark.kind}.{name}"
            if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                one.sums[path] = int(Fraction(value) * 10 ** self._scales[path])
        self._records += 1
        for scope in self._scopes:
            scope.total.add(one)

    def _follow(self, runs: Mapping[Key, Run]) -> None:
        """See that running numbers go on where they stopped."""
        for key, run in runs.items():
            expected = self._expected.get(key, self._starts[key])
            breaks = list(run.breaks)
            if run.first and run.first.number != expected + run.first.place:
                breaks.append(run.first)
            for one in sorted(breaks, key=lambda one: one.line):
                wanted = expected + one.place if one.expected is None else one.expected
                text = f"line {one.line} has number {_shown(one.number)} in the sequence, expected {wanted}"
                self._problems.add("structure", text, one.line)
            self._expected[key] = run.after(expected)

    def _unreadable(self, kind: RecordKind, controls: Sequence[Control], line: int) -> None:
        """A control record that cannot be read verifies nothing."""
        if kind.checks:
            self._problems.add("header", f"the {kind.name} (line {line}) cannot be read: see the rejects", line)
        if controls:
            self._problems.add("control", f"the {kind.name} (line {line}) cannot be read: see the rejects", line)

    def _check(self, check: Check, kind: RecordKind, said: Value, line: int) -> None:
        expected = self._date if check.is_date else check.equals
        if expected is None or said == expected:
            return
        personal = any(one.name == check.field and one.personal for one in kind.fields)
        shown = "another value" if personal else _shown(said)
        text = f"the {kind.name} (line {line}) says {check.field} {shown}, expected {expected}"
        self._problems.add("header", text, line)

    def _control(self, control: Control, kind: RecordKind, figure: Value, line: int) -> None:
        """Compare one figure with what was read in the scope that is open."""
        if control.zero_unfilled and not figure:
            return
        said = "another figure" if control.field.personal else _shown(figure)
        says = f"the {kind.name} (line {line}) says {said}"
        total = self._scopes[-1].total
        if control.what == "sum":
            summed = control.summed.partition(".")[0]
            read = Fraction(total.sums[control.summed], 10 ** self._scales[control.summed])
            if total.rejected[summed]:
                count = total.rejected[summed]
                text = f"{says} for the sum of {control.summed}, but {count} of its records are rejected"
                self._problems.add("control", text, line)
            elif not _equal(figure, read):
                shown = _decimal(read, self._scales[control.summed])
                text = f"{says} for the sum of {control.summed}, the records read add up to {shown}"
                self._problems.add("control", text, line)
            return
        counted, what = self._counted(control)
        if not _equal(figure, Fraction(counted)):
            self._problems.add("control", f"{says} {what}, {counted} were read", line)

    def _counted(self, control: Control) -> tuple[int, str]:
        scope = self._scopes[-1]
        match control.of:
            case "all":
                return scope.total.kinds.total(), "records"
            case "group":
                return scope.groups, "groups"
            case "detail":
                return sum(scope.total.kinds[name] for name in self._details), "detail records"
            case "kinds":
                return sum(scope.total.kinds[name] for name in control.kinds), f"records of {', '.join(control.kinds)}"


def check_balance(account: Account, problems: Problems) -> None:
    """Nothing was lost and nothing counted twice, or the file is refused."""
    if not account.balanced:
        problems.add("account", f"bytes or records were lost or counted twice: {account}")


def kept_controls(layout: Layout, controls: Sequence[ControlRecord]) -> list[ControlRecord]:
    """The control records that a conversion keeps: all of the file's own, and the first of its groups'."""
    own = {kind.name for kind in layout.kinds if is_of_file(kind)}
    return [one for number, one in enumerate(controls) if number < MOST_CONTROLS or one.kind in own]


def is_of_file(kind: RecordKind) -> bool:
    """A header or trailer of the whole file, not of a group."""
    return kind.is_control and not kind.opens and not kind.closes


def _equal(figure: Value, read: Fraction) -> bool:
    return isinstance(figure, (int, Decimal)) and Fraction(figure) == read


def _shown(value: Value) -> str:
    return "nothing" if value is None else str(value)


def _decimal(number: Fraction, scale: int) -> str:
    """A number with its scale, exactly."""
    sign = "-" if number < 0 else ""
    digits = str(abs(number * 10**scale).numerator).rjust(scale + 1, "0")
    return f"{sign}{digits[: len(digits) - scale]}.{digits[len(digits) - scale :]}" if scale else sign + digits
