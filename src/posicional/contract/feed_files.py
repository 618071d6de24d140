"""The files of a feed: names, layouts, and what else is expected of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from posicional.contract.calendar import Calendar
from posicional.contract.feed import DateFrom, ExpectedFile, Parts
from posicional.contract.feed_days import compile_due, compile_time
from posicional.contract.feed_words import FileWords
from posicional.contract.layout import Field, Layout, RecordKind
from posicional.contract.layout_source import layout_of
from posicional.contract.pattern import Pattern, ignored
from posicional.contract.source import Document, Where, read_document
from posicional.contract.vocabulary import suggestion
from posicional.errors import UsageError

_SOME_DAY = date(2026, 11, 22)


@dataclass(slots=True)
class _Named:
    """A file's pattern, where it could be read, and which member of an archive it takes."""

    file: str
    pattern: Pattern
    member: str


class FilesCompiler:
    """Works the files out. `documents` are their layouts, each read once; `tables` are (table, file)."""

    def __init__(self, document: Document, folder: Path, calendar: Calendar | None) -> None:
        self.document = document
        self.folder = folder
        self.calendar = calendar
        self.layouts: dict[Path, Layout | None] = {}
        self.documents: list[Document] = []
        self.tables: list[tuple[str, str]] = []
        self.named: list[_Named] = []

    def compile(self, words: Mapping[str, FileWords]) -> dict[str, ExpectedFile]:
        """The files that could be understood; all faults stand in the documents."""
        found = {name: self._file(name, one) for name, one in words.items()}
        self._check_clashes()
        return {name: file for name, file in found.items() if file}

    def _file(self, name: str, words: FileWords) -> ExpectedFile | None:
        where: Where = ("files", name)
        pattern = None if words.lost("pattern") else self._pattern(words.pattern, (*where, "pattern"))
        layout = None if words.lost("layout") else self._layout(words.layout, (*where, "layout"))
        if pattern:
            self.named.append(_Named(name, pattern, words.member or ""))
            self._check_dates(pattern, words, where)
            if words.member and not pattern.text.endswith(".zip"):
                self.document.fault((*where, "member"), "goes with an archive", "let the pattern end in .zip")
        self.tables += [(table, name) for table in (layout.tables(name) if layout else ())]
        if words.wait_until and words.required and not words.lost("required"):
            self.document.fault((*where, "wait_until"), "goes with required: false")
        if words.marker:
            self._check_marker(words.marker, (*where, "marker"))
        expected_by = compile_due(words.expected_by, (*where, "expected_by"), self.document)
        wait_until = compile_due(words.wait_until, (*where, "wait_until"), self.document)
        date_from = self._date_from(words, layout, where)
        parts = self._parts(words, pattern, where)
        if pattern is None or layout is None:
            return None
        return ExpectedFile(
            name=name,
            pattern=pattern,
            layout=layout,
            required=words.required,
            wait_until=wait_until,
            expected_by=expected_by,
            owner=words.owner or "",
            max_rejects=words.max_rejects,
            allow_empty=words.allow_empty,
            use_latest=words.use == "latest",
            date_from=date_from,
            parts=parts,
            member=words.member or "",
            marker=words.marker or "",
        )

    def _pattern(self, text: str, where: Where) -> Pattern | None:
        try:
            return Pattern(text)
        except UsageError as error:
            expected = f"; expected {error.expected}" if error.expected else ""
            self.document.fault(where, error.message + expected, error.hint)
            return None

    def _check_marker(self, said: str, where: Where) -> None:
        """A marker names one file, and is a name that counts."""
        if said.count("{name}") != 1 or said == "{name}":
            self.document.fault(where, "does not name the file", 'such as "{name}.ok"')
        elif ignored(said.replace("{name}", "nome")):
            self.document.fault(where, "is a name that is ignored", 'such as "{name}.ok"')

    def _layout(self, said: str, where: Where) -> Layout | None:
        path = self.folder / said
        if path not in self.layouts:
            self.layouts[path] = None
            try:
                document = read_document(path)
            except UsageError as error:
                self.document.fault(where, f"{said}: {error.message}", f"it was looked for at {path}")
                return None
            self.documents.append(document)
            layout = layout_of(document, path.stem)
            self.layouts[path] = None if document.faults else layout
        return self.layouts[path]

    def _check_dates(self, pattern: Pattern, words: FileWords, where: Where) -> None:
        here = (*where, "pattern")
        if pattern.has_date and words.says("date"):
            self.document.fault((*where, "date"), "the date is in the pattern already", "leave one of the two out")
        elif not pattern.has_date and not words.says("date"):
            hint = 'put it into the name: "CONTRATOS_{date:%Y%m%d}.txt"'
            self.document.fault(here, "nothing says which business date a name belongs to", hint)
        elif pattern.has_date and self.calendar and pattern.is_monthly != self.calendar.is_monthly:
            if pattern.is_monthly:
                self.document.fault(here, "gives a month, but the feed has days", "say calendar: {days: monthly}")
            else:
                self.document.fault(here, "gives a day, but the feed is monthly", "{date:%Y%m}, and * for the day")

    def _check_clashes(self) -> None:
        """Two files whose names are the same: by the patterns' text, or by a name that one would have."""
        for number, one in enumerate(self.named):
            for other in self.named[:number]:
                if one.member and other.member and one.member != other.member:
                    continue
                where: Where = ("files", one.file, "pattern")
                if one.pattern == other.pattern:
                    self.document.fault(where, f"is the pattern of {other.file} too", "a name must belong to one file")
                    continue
                for mine, theirs in ((one, other), (other, one)):
                    name = mine.pattern.example(_SOME_DAY)
                    if theirs.pattern.match(name):
                        hint = "a name must belong to one file"
                        self.document.fault(where, f"{mine.file} and {theirs.file} would both take {name}", hint)
                        break

    def _date_from(self, words: FileWords, layout: Layout | None, where: Where) -> DateFrom | None:
        said = words.date
        if said is None:
            return None
        if said.from_ == "arrival":
            cutoff = compile_time(said.cutoff, (*where, "date", "cutoff"), self.document) if said.cutoff else None
            return DateFrom(cutoff=cutoff)
        if said.cutoff:
            self.document.fault((*where, "date", "cutoff"), "goes with from: arrival")
        fields = {
            f"{kind.name}.{field.name}": (kind, field)
            for kind in (layout.kinds if layout else ())
            for field in kind.fields
            if kind.is_control
        }
        if layout:
            self._check_header(said.from_, fields, (*where, "date", "from"))
        return DateFrom(header=said.from_)

    def _check_header(self, said: str, fields: Mapping[str, tuple[RecordKind, Field]], where: Where) -> None:
        """The date must be known before the file is read, and stands in names and facts."""
        if said not in fields:
            self.document.fault(where, f"no control record has {said}", suggestion(said, fields))
            return
        kind, field = fields[said]
        if field.type != "date" or field.repeat > 1:
            self.document.fault(where, f"{said} is no date but a {'list' if field.repeat > 1 else field.type}")
        elif kind.role != "header":
            self.document.fault(where, f"{said} is in a {kind.role}; the date must be known before the file is read")
        elif field.personal:
            self.document.fault(where, f"{said} is personal; the date of a file stands in names and facts")

    def _parts(self, words: FileWords, pattern: Pattern | None, where: Where) -> Parts | None:
        said = words.parts
        if said is None:
            if pattern and pattern.has_part and not words.lost("parts"):
                hint = "say parts: {count: 3} or parts: {marker: …}"
                self.document.fault((*where, "pattern"), "tells parts apart, but nothing says when all are here", hint)
            return None
        if (said.count is None) == (said.marker is None) and not said.doubtful:
            self.document.fault((*where, "parts"), "expected either count or marker")
        if pattern and not pattern.has_part:
            self.document.fault((*where, "pattern"), "does not tell the parts apart", "put {part} into the name")
        here = (*where, "parts", "marker")
        marker = self._pattern(said.marker, here) if said.marker else None
        if marker and not marker.has_date:
            self.document.fault(here, "does not say of which date the parts are", 'such as "C_{date:%Y%m%d}_FIM"')
        return Parts(count=said.count or 0, marker=marker)
