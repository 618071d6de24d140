"""Where fields lie: one behind the other or at their positions, covering their record exactly."""

from __future__ import annotations

from dataclasses import dataclass

from posicional.contract.layout import Field
from posicional.contract.layout_fields import Setting, compile_field, picture
from posicional.contract.layout_words import FieldWords
from posicional.contract.source import Where
from posicional.contract.vocabulary import counted

IN_A_GROUP = ("name", "pos", "width", "repeat", "fields", "personal")


@dataclass(slots=True)
class Span:
    """Positions [start, stop) that a field or a filler takes."""

    start: int
    stop: int
    label: str
    where: Where


class Placing:
    """Puts fields at their positions, one behind the other or where `pos` says, in a record or an occurrence."""

    def __init__(self, label: str, where: Where, setting: Setting, length: int | None) -> None:
        self.label = label
        self.where = where
        self.setting = setting
        self.length = length
        self.spans: list[Span] = []
        self.fields: dict[str, Field | None] = {}
        self.cursor = 0
        self.certain = True
        self.unknown_length = False

    def fault(self, where: Where, message: str, hint: str = "") -> None:
        """Note a fault of the layout."""
        self.setting.document.fault(where, message, hint)

    def place(self, words: tuple[FieldWords, ...], *, personal: bool, unknown_length: bool = False) -> None:
        """Put the fields where they belong, and check that they cover the record.

        `unknown_length`: a fault has cut the record's length; nothing can be said about its end.
        """
        self.unknown_length = unknown_length
        for number, one in enumerate(words):
            if one.says("filler"):
                self._filler(one, last=number == len(words) - 1)
            else:
                self._field(one, personal=personal)
        if self.certain:
            self._check_cover()

    def _filler(self, words: FieldWords, *, last: bool) -> None:
        for word in words.said():
            if word != "filler":
                self.fault((*words.where, word), "does not go with filler", "give the field a name instead of filler")
        if words.filler is None:
            self.certain = False
            return
        width = words.filler
        if width == "rest":
            width = 0 if self.length is None else self.length - self.cursor
            if not last:
                self.fault((*words.where, "filler"), "rest must come last")
                self.certain = False
            elif self.length is None:
                if not self.unknown_length:
                    self.fault((*words.where, "filler"), "rest of what?", "say the length: record: {length: 120}")
                self.certain = False
        self.spans.append(Span(self.cursor, self.cursor + max(width, 0), "filler", words.where))
        self.cursor += max(width, 0)

    def _field(self, words: FieldWords, *, personal: bool) -> None:
        if words.name is None and not words.doubtful:
            self.fault((*words.where, "name"), "this word is missing", "name the field, or say filler: n")
        group = self._group(words, personal=personal or words.personal) if words.fields is not None else None
        width = self._width(words, group)
        if width is None:
            self.certain = False
        else:
            start = words.pos[0] - 1 if words.pos else self.cursor
            stop = start + width * (words.repeat or 1)
            self.spans.append(Span(start, stop, words.name or "?", words.where))
            self.cursor = stop
        if words.name is None:
            return
        if words.name.lower() in map(str.lower, self.fields):
            self.fault((*words.where, "name"), f"{words.name} is the name of another field of {self.label} too")
        # A field whose width is not known is still looked at, as if it were wide enough.
        field = self._value(words, group, width, personal=personal) if width else None
        self.fields.setdefault(words.name, field)

    def _value(self, words: FieldWords, group: Placing | None, width: int, *, personal: bool) -> Field | None:
        start = self.spans[-1].start
        if group is None:
            return compile_field(words, self.setting, start, width, personal=personal)
        inner = tuple(group.fields.values())
        return Field(
            name=words.name or "",
            start=start,
            width=width,
            type="group",
            repeat=words.repeat or 1,
            personal=personal or words.personal,
            fields=tuple(sorted((one for one in inner if one), key=lambda one: one.start)),
        )

    def _group(self, words: FieldWords, *, personal: bool) -> Placing:
        if not words.says("repeat"):
            self.fault((*words.where, "repeat"), "this word is missing", "say how often the fields repeat: repeat: 12")
        for word in words.said():
            if word not in IN_A_GROUP:
                self.fault((*words.where, word), "does not go with fields", "say it of a field inside")
        length = words.width
        if words.pos and words.repeat and (words.pos[1] - words.pos[0] + 1) % words.repeat == 0:
            length = (words.pos[1] - words.pos[0] + 1) // words.repeat
        group = Placing(f"{self.label}, {words.name}", (*words.where, "fields"), self.setting, length)
        group.certain = not words.lost("fields")
        group.place(words.fields or (), personal=personal)
        self.certain &= group.certain
        return group

    def _width(self, words: FieldWords, group: Placing | None) -> int | None:
        """The width of one occurrence; None where a fault leaves it open."""
        extent = words.pos[1] - words.pos[0] + 1 if words.pos else None
        repeat = words.repeat or 1
        if words.lost("pos", "width", "repeat", "fields"):
            return None
        if extent is not None and extent % repeat:
            self.fault((*words.where, "pos"), f"{extent} positions are not {repeat} times the same width")
            return None
        width = extent // repeat if extent is not None else words.width
        if words.width is not None and width != words.width:
            each = f" for each of the {repeat}" if repeat > 1 else ""
            self.fault((*words.where, "width"), f"is {words.width}, but pos has {width}{each}")
        if group is not None:
            return width or group.covered
        return self._pictured_width(words, width)

    def _pictured_width(self, words: FieldWords, width: int | None) -> int | None:
        pic = picture(words, self.setting)
        if pic is not None and width is not None and width != pic.width:
            self.fault((*words.where, "pic"), f"takes {counted(pic.width, 'position')}; the field has {width}")
        if width is None and pic is not None:
            return pic.width
        if width is None and not words.doubtful and not words.says("pic"):
            hint = "width: 8 follows the field before; pos: [1, 8] says both ends"
            self.fault((*words.where, "width"), "neither width nor pos", hint)
        return width

    @property
    def covered(self) -> int:
        """The last position that anything takes."""
        return max((span.stop for span in self.spans), default=0)

    def _check_cover(self) -> None:
        spans = sorted(self.spans, key=lambda span: (span.start, span.stop))
        reached, before = 0, ""
        for span in spans:
            if span.start < reached:
                twice = _positions(span.start, min(reached, span.stop))
                self.fault(span.where, f"{self.label}: {span.label} overlaps {before} at {twice}")
            elif span.start > reached:
                hint = f"add {{filler: {span.start - reached}}} in front, or correct the positions"
                hole = _positions(reached, span.start)
                belong = "belongs" if span.start - reached == 1 else "belong"
                self.fault(span.where, f"{self.label}: {hole} in front of {span.label} {belong} to no field", hint)
            if span.stop >= reached:
                reached, before = span.stop, span.label
        if self.length is not None and reached != self.length:
            over = reached - self.length
            hint = "correct a width" if over > 0 else "add {filler: rest}, or correct a width"
            much = f"{over} too many" if over > 0 else f"{-over} missing"
            self.fault(self.where, f"{self.label} covers {reached} of {self.length}: {much}", hint)


def _positions(start: int, stop: int) -> str:
    return f"position {stop}" if stop - start == 1 else f"positions {start + 1}-{stop}"
