"""`posicional layout`: work on a layout. `try` shows what it makes of a file, and why what is bad probably is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from posicional.cli.progress import shown
from posicional.cli.show import print_json
from posicional.cli.words import json_option
from posicional.records.ruler import under

if TYPE_CHECKING:
    from posicional.records.evidence import Cause
    from posicional.records.trial import BadField, Trial, TriedKind, TriedRecord

WIDTH = 100
NARROWEST, WIDEST = 60, 200
VALUE = 12, 30
"""The narrowest and the widest column of values."""

PROBLEMS = 5
"""Problems of the file that are named."""

BAD = "✗ "


@click.group()
def layout() -> None:
    """Work on a layout: where each field of a file lies."""


@layout.command(
    "try",
    epilog="""\b
Example:
  posicional layout try COTAHIST_D25062021.TXT --layout examples/cotahist/layout.yaml""",
)
@click.argument("file", metavar="FILE")
@click.option("--layout", "layout_path", required=True, type=click.Path(path_type=Path), help="The layout's YAML.")
@click.option(
    "--records", default=3, show_default=True, type=click.IntRange(0, 100), help="Records to show of each kind."
)
@json_option
def try_(file: str, layout_path: Path, records: int, as_json: bool) -> int:
    """Show what a layout makes of FILE (a path or a URL).

    The first records of each kind stand under a ruler with their decoded values; then, for the whole file, the share of
    bad values in each field and the likely cause. Personal values are hidden. Exit code 4 where anything is bad.
    """
    from posicional.backends.sources import open_source
    from posicional.contract.layout import Layout
    from posicional.records.trial import try_layout

    loaded = Layout.load(layout_path)
    source, name = open_source(file)
    with shown(source, name) as watched:
        trial = try_layout(watched, loaded, path=name, records=records)
    if as_json:
        print_json({"file": file, "layout": str(layout_path), "good": trial.good, **asdict(trial)})
    else:
        click.echo(printed(trial, loaded.unit, room()))
    return 0 if trial.good else 4


def room() -> int:
    """How many columns there are for a ruler."""
    columns = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    return min(max(columns, NARROWEST), WIDEST)


def printed(trial: Trial, unit: str, width: int) -> str:
    """A trial as a person reads it, in lines of up to `width` columns."""
    return "\n".join(_lines(trial, unit, width))


def _lines(trial: Trial, unit: str, width: int) -> Iterator[str]:
    if trial.alone:  # the records have been taken for what they are not
        yield _sum(trial)
        for cause in trial.causes:
            yield from _said(cause, "", width)
        return
    for kind in trial.kinds:
        if kind.records:
            yield from kind_lines(kind, unit, width)
            yield ""
    yield _sum(trial)
    yield from _verdict(trial, width)


# --- the first records ---


def kind_lines(kind: TriedKind, unit: str, width: int) -> Iterator[str]:
    """The first records of a kind under a ruler, then their values."""
    records = _many(kind.records, "record")
    refused = f", {kind.refused:,} refused" if kind.refused else ""
    if kind.name:
        yield f"{kind.name}: {records} of {kind.length} {unit}{refused}"
    else:
        yield f"of no kind: {records}"
    if not kind.first:
        return
    rows = [row for record in kind.first for row in _rows(record)]
    yield from under(rows, kind.spans, kind.length, width)
    for record in kind.first:
        if record.refused and not record.values:
            own = f", {_many(record.length, unit[:-1])}" if record.length != kind.length and kind.length else ""
            yield f"  line {record.line}: {record.refused}{own}"
    decoded = [record for record in kind.first if record.values]
    if decoded and kind.fields:
        yield ""
        yield from _values(kind, decoded, width)


def _rows(record: TriedRecord) -> Iterator[tuple[str, str]]:
    yield f"{BAD if record.refused else ''}{record.line}", record.cells
    if record.below.strip():
        yield "", record.below


def _values(kind: TriedKind, records: Sequence[TriedRecord], width: int) -> Iterator[str]:
    """The decoded values: a line for each field, a column for each record, as many beside as there is room."""
    heads = [(field.positions, field.name, field.type) for field in kind.fields]
    widths = [max(map(len, column)) for column in zip(*heads, strict=True)]
    begin = sum(widths) + 2 * len(widths)
    least, most = VALUE
    beside = max(1, (width - begin - 2) // (least + 2))
    for place in range(0, len(records), beside):
        some = records[place : place + beside]
        room = min(most, (width - begin - 2) // len(some) - 2)
        columns = [[f"line {record.line}", *_marked(record)] for record in some]
        sizes = [min(max(room, least), max(map(len, column))) for column in columns]
        for number, head in enumerate([("", "", ""), *heads]):
            left = "  ".join(f"{text:{size}}" for text, size in zip(head, widths, strict=True))
            right = "  ".join(
                f"{_cut(column[number], size):{size}}" for column, size in zip(columns, sizes, strict=True)
            )
            yield f"  {left}  {right}".rstrip(" ")
    yield from _fillers(kind)


def _marked(record: TriedRecord) -> Iterator[str]:
    for value, wrong in zip(record.values, record.wrong, strict=True):
        yield f"{BAD}{value}" if wrong else value


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


def _fillers(kind: TriedKind) -> Iterator[str]:
    """The positions that no field takes, on one line."""
    ends = [("", 0, 0), *kind.spans, ("", kind.length, kind.length)]
    gaps = [(left[2] + 1, right[1]) for left, right in pairwise(ends) if right[1] > left[2]]
    if gaps:
        yield f"  filler: {', '.join(f'{first}-{last}' if last > first else f'{first}' for first, last in gaps)}"


# --- the whole file ---


def _sum(trial: Trial) -> str:
    account = trial.account
    return (
        f"{_many(account.records, 'record')}: {_many(account.rows, 'row')}, {account.controls:,} control, "
        f"{account.rejects:,} refused; {account.bytes:,} bytes"
    )


def _verdict(trial: Trial, width: int) -> Iterator[str]:
    causes = list(trial.causes)
    for kind in trial.kinds:
        if kind.reasons:
            name = f"{kind.name}: " if kind.name else ""
            yield f"  {name}{_counted(kind.reasons)}"
    for bad in trial.bad:
        yield from _bad(bad)
        for cause in [cause for cause in causes if (cause.kind, cause.field) == (bad.kind, bad.field.name)]:
            causes.remove(cause)
            yield from _said(replace(cause, kind=""), "      ", width)
    for problem in trial.problems[:PROBLEMS]:
        yield f"  {problem.text}"
    if len(trial.problems) > PROBLEMS:
        yield f"  … and {_many(len(trial.problems) - PROBLEMS, 'more problem')} of the file"
    if not trial.account.records:
        yield "  the file has no records"
    if causes:
        yield "nothing is refused, but probably" if trial.good else "probably"
        for cause in causes:
            yield from _said(cause, "  ", width)
    elif trial.good:
        yield "nothing is bad"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())


def _bad(bad: BadField) -> Iterator[str]:
    field = bad.field
    share = f"{bad.bad:,} of {bad.values:,} bad ({_percent(bad.bad, bad.values)})"
    yield f"  {bad.kind}.{field.name} {field.positions}: {share}: {', '.join(bad.reasons)}"
    if field.personal:
        yield "      (personal, hidden)"
    elif bad.spellings:
        more = bad.bad - sum(bad.spellings.values())
        listed = [f"{text} {count:,} times" if count > 1 else text for text, count in bad.spellings.items()]
        listed += [f"and {_many(more, 'other')}"] if more else []
        yield f"      {', '.join(listed)}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.1f} %" if share >= 0.1 else "under 0.1 %"


def _said(cause: Cause, indent: str, width: int) -> Iterator[str]:
    text = f"{cause.kind}: {cause.text}" if cause.kind else cause.text
    together = f"{indent}{text} -> {cause.hint}"
    if cause.hint and len(together) <= width:
        yield together
        return
    yield from wrap(text, width, initial_indent=indent, subsequent_indent=indent)
    if cause.hint:
        yield from wrap(cause.hint, width, initial_indent=f"{indent}-> ", subsequent_indent=f"{indent}   ")
