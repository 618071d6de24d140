"""What the records of a layout mean: their kinds with roles and lengths, and what the kinds say of one another."""

from __future__ import annotations

from collections.abc import Mapping

from posicional.contract import codepage
from posicional.contract.layout import Layout, RecordKind, Role
from posicional.contract.layout_controls import compile_checks, compile_controls, compile_sequence
from posicional.contract.layout_fields import Setting, check_defaults
from posicional.contract.layout_positions import Placing
from posicional.contract.layout_when import check_told_apart, compile_when
from posicional.contract.layout_words import DefaultsWords, KindWords, LayoutWords, RecordWords
from posicional.contract.source import Block, Document

BY_NAME: dict[str, Role] = {"header": "header", "detail": "detail", "trailer": "trailer"}


class Kind:
    """One kind of record while it is worked out: first by itself, then with what it says of others (`refer`)."""

    def __init__(self, name: str, words: KindWords, record: RecordWords, setting: Setting) -> None:
        self.name = name
        self.words = words
        self.setting = setting
        self.label = f"kind {name}" if words.where else "the record"
        self.role = self._role()
        self.when = compile_when(words.when or (), setting)
        said = words.length if words.length is not None else record.length
        unknown = words.lost("length") or (words.length is None and record.lost("length"))
        self.placed = self._place(said, unknown=unknown)
        self.length = said if said is not None else self.placed.covered
        self.fields = self.placed.fields
        for match in self.when.matches if self.certain else ():
            if match.start + match.width > self.length:
                self.fault("when", f"looks behind the record's end at {self.length}")

    @property
    def certain(self) -> bool:
        """Whether all of its fields are known."""
        return self.placed.certain

    def fault(self, word: str, message: str, hint: str = "") -> None:
        """Note a fault at one of the kind's words."""
        self.setting.document.fault((*self.words.where, word), message, hint)

    def _role(self) -> Role:
        words = self.words
        implied: Role | None = "header" if words.opens else "trailer" if words.closes else None
        by_name = BY_NAME.get(self.name)
        role = words.role or by_name or implied or "detail"
        if words.opens and words.closes:
            self.fault("closes", "stands beside opens: one record cannot begin and end a group")
        elif implied and role != implied:
            word = "opens" if words.opens else "closes"
            self.fault(word, f"belongs to a {implied}; {self.name} is a {role}", f"say role: {implied}, or rename it")
        elif words.role and by_name and words.role != by_name:
            self.fault("role", f"is {words.role}, but a kind called {self.name} is one by its name", "rename the kind")
        if words.table and role == "detail":
            self.fault("table", "says nothing new: details are always a table", "leave it out")
        return role

    def _place(self, length: int | None, *, unknown: bool) -> Placing:
        words = self.words
        placed = Placing(self.label, (*words.where, "fields"), self.setting, length)
        if words.lost("fields"):
            placed.certain = False
        if words.fields is None:
            if not words.lost("fields"):
                if self.role == "detail":
                    self.fault("fields", "this word is missing", "say where each field of the detail lies")
                elif length is None and not unknown:
                    self.fault("length", "neither fields nor a length", "say record: {length: n}")
            return placed
        placed.place(words.fields, personal=False, unknown_length=unknown)
        if self.role == "detail" and placed.certain and not placed.fields:
            self.fault("fields", "name no field at all", "a detail needs a column")
        return placed

    def refer(self, kinds: Mapping[str, Kind]) -> None:
        """Work out what the kind says of its own fields and of other kinds."""
        self.checks = compile_checks(self)
        self.controls = compile_controls(self, kinds)
        self.sequence = compile_sequence(self, kinds)

    def value(self) -> RecordKind:
        """The finished kind; only to be asked for when nothing is at fault."""
        return RecordKind(
            name=self.name,
            role=self.role,
            when=self.when,
            length=self.length,
            fields=tuple(sorted((one for one in self.fields.values() if one), key=lambda one: one.start)),
            checks=self.checks,
            controls=self.controls,
            sequence=self.sequence,
            opens=self.words.opens or "",
            closes=self.words.closes or "",
            table=self.words.table,
        )


def compile_layout(words: LayoutWords, document: Document, name: str) -> Layout | None:
    """The layout (without its digest) that the words say. What is wrong becomes faults of the document."""
    encoding = codepage.canonical(words.encoding)
    if encoding is None:
        document.fault(("encoding",), f"{words.encoding} is not an encoding of one byte a character, nor utf-8")
    setting = Setting(
        document,
        encoding=encoding or "",
        unit=words.unit,
        defaults=words.defaults or DefaultsWords(),
        missing=words.missing or (),
        lost_kinds=_lost(document.root.get("records")),
    )
    check_defaults(setting)
    record = words.record or RecordWords()
    kinds_words = _kinds(words, document)
    if kinds_words is None:
        return None
    kinds = {name: Kind(name, kind, record, setting) for name, kind in kinds_words.items()}
    _check_framing(record, setting, kinds)
    _check_roles(words, setting, kinds)
    check_told_apart({name: kind.when for name, kind in kinds.items()}, words, setting)
    for kind in kinds.values():
        kind.refer(kinds)
    if document.faults:
        return None
    return Layout(
        name=name,
        digest="",
        encoding=setting.encoding,
        unit=words.unit,
        framing=record.framing,
        short=record.short,
        kinds=tuple(kind.value() for kind in kinds.values()),
    )


def _lost(records: object) -> frozenset[str]:
    return frozenset(records.cut) if isinstance(records, Block) else frozenset()


def _kinds(words: LayoutWords, document: Document) -> dict[str, KindWords] | None:
    """The kinds by name; `fields` alone are the layout's only kind, a detail."""
    if words.says("records") and words.says("fields"):
        document.fault(("fields",), "stands beside records", "with several kinds, each has its own fields")
    elif words.records is None and words.fields is None and not (words.lost("records") or words.lost("fields")):
        document.fault((), "neither fields nor records", "say where each field lies")
    if words.records is not None:
        folded: dict[str, str] = {}
        for name in words.records:
            if folded.setdefault(name.lower(), name) != name:
                document.fault(("records", name), f"is the name of another kind too: {folded[name.lower()]}")
        return words.records
    if words.fields is None:
        return None
    block = Block(())
    block["fields"] = words.fields
    if words.lost("fields"):
        block.cut.add("fields")
    return {"detail": KindWords.model_construct(fields=words.fields).placed(block)}


def _check_framing(record: RecordWords, setting: Setting, kinds: Mapping[str, Kind]) -> None:
    if record.framing != "fixed":
        return
    if not setting.counts_bytes:
        hint = "say unit: bytes, or another framing"
        setting.document.fault(("record", "framing"), "fixed records have a length in bytes, not in characters", hint)
    if record.short == "pad":
        setting.document.fault(("record", "short"), "pad does not go with framing: fixed, where no record is short")
    lengths = {kind.name: kind.length for kind in kinds.values() if kind.certain}
    if len(set(lengths.values())) > 1:
        each = ", ".join(f"{name} {length}" for name, length in lengths.items())
        hint = "fill the shorter kinds with {filler: n}"
        setting.document.fault(("record", "framing"), f"fixed records have one length; here {each}", hint)


def _check_roles(words: LayoutWords, setting: Setting, kinds: Mapping[str, Kind]) -> None:
    fault = setting.document.fault
    if setting.lost_kinds:
        return
    if not words.lost("records") and all(kind.role != "detail" for kind in kinds.values()):
        fault(("records",), "no kind is a detail", "say role: detail, or call one detail")
    opened = {kind.words.opens for kind in kinds.values() if kind.words.opens}
    closed = {kind.words.closes for kind in kinds.values() if kind.words.closes}
    for kind in kinds.values():
        opens, closes = kind.words.opens, kind.words.closes
        if opens and opens not in closed:
            kind.fault("opens", f"group {opens} is never closed", f"say closes: {opens} in its trailer")
        if closes and closes not in opened:
            kind.fault("closes", f"group {closes} is never opened", f"say opens: {closes} in its header")
