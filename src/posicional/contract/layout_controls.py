"""What control records must agree with: checks of a header, figures of a trailer, running numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, cast

from posicional.contract.layout import Check, Control, Field, Role, Sequence
from posicional.contract.layout_fields import NUMBERS, Setting
from posicional.contract.layout_words import CheckWords, ControlWords, KindWords
from posicional.contract.pic import MOST_DIGITS
from posicional.contract.source import Where
from posicional.contract.vocabulary import suggestion

WHOLE_FILE = "file"


class Kind(Protocol):
    """What is needed of a kind: `fields` holds None for one that has a fault of its own."""

    name: str
    words: KindWords
    role: Role
    length: int
    fields: dict[str, Field | None]
    setting: Setting

    @property
    def certain(self) -> bool:
        """Whether all of its fields are known."""
        ...


def compile_checks(kind: Kind) -> tuple[Check, ...]:
    """What a header's fields must say."""
    fault = kind.setting.document.fault
    if kind.words.check and kind.role == "detail":
        fault((*kind.words.where, "check"), "belongs to a header or trailer", "a detail has enum, min and max")
    return tuple(check for words in kind.words.check if (check := _check(kind, words)))


def _check(kind: Kind, words: CheckWords) -> Check | None:
    field = _field(kind, words.field, (*words.where, "field"))
    if field is None:
        return None
    where = (*words.where, "equals")
    is_date = words.equals == "date"
    if is_date and field.type != "date":
        kind.setting.document.fault(where, f"{field.name} is no date but a {field.type}")
    elif field.repeat > 1 or field.type == "group":
        kind.setting.document.fault(where, f"{field.name} is repeated: which one?")
    elif not is_date and field.type not in ("string", *NUMBERS):
        hint = "the only other value is date: the business date"
        kind.setting.document.fault(where, f"a {field.type} is not compared with a text", hint)
    elif not is_date and (kind.setting.width_of(words.equals) or field.width + 1) > field.width:
        kind.setting.document.fault(where, f"{words.equals!r} does not fit into {field.name}")
    return Check(field.name, words.equals, is_date)


def compile_controls(kind: Kind, kinds: Mapping[str, Kind]) -> tuple[Control, ...]:
    """The figures of a trailer."""
    if kind.words.controls and kind.role != "trailer":
        hint = "say role: trailer, or move them"
        kind.setting.document.fault((*kind.words.where, "controls"), "belong to a trailer", hint)
    return tuple(control for words in kind.words.controls if (control := _control(kind, words, kinds)))


def _control(kind: Kind, words: ControlWords, kinds: Mapping[str, Kind]) -> Control | None:
    fault = kind.setting.document.fault
    if words.doubtful:
        return None
    if (words.count is None) == (words.sum is None):
        fault(words.where, "a control has either count or sum")
        return None
    if words.count is not None:
        if words.scale is not None:
            fault((*words.where, "scale"), "does not go with count")
        figure = _figure(kind, words, scale=0)
        named = (words.count,) if isinstance(words.count, str) else tuple(words.count)
        of, counted = _counted(kind, named, listed=not isinstance(words.count, str), where=words.where, kinds=kinds)
        return Control("count", of, counted, "", figure, words.zero is not None) if figure else None
    summed = _summed(kind, words, kinds)
    figure = _figure(kind, words, scale=words.scale if words.scale is not None else summed.scale if summed else 0)
    if figure is None or summed is None:
        return None
    return Control("sum", "kinds", (), words.sum or "", figure, words.zero is not None)


def _figure(kind: Kind, words: ControlWords, *, scale: int) -> Field | None:
    """Where the figure stands in the control record: a field of it, or one made from `pos`."""
    fault = kind.setting.document.fault
    if (words.field is None) == (words.pos is None):
        fault(words.where, "a control has either field or pos, where its figure stands")
        return None
    if words.pos is not None:
        if words.pos[1] > kind.length and kind.certain:
            fault((*words.where, "pos"), f"lies behind the record's end at {kind.length}")
        return figure_at(words.pos, kind.setting, (*words.where, "pos"), scale=scale)
    if words.scale is not None:
        fault((*words.where, "scale"), "goes with pos; a field says its own")
    field = _field(kind, words.field or "", (*words.where, "field"))
    if field is not None and (field.type not in NUMBERS or field.repeat > 1):
        fault((*words.where, "field"), f"{field.name} is no number", "give it type: integer or decimal")
    if field is not None and words.count is not None and field.scale:
        fault((*words.where, "field"), f"{field.name} has digits behind the point; a count has none")
    return field


def figure_at(pos: tuple[int, int], setting: Setting, where: Where, *, scale: int = 0) -> Field | None:
    """An unsigned number that no field names, at positions."""
    width = pos[1] - pos[0] + 1
    if width > MOST_DIGITS:
        setting.document.fault(where, f"has {width} digits; {MOST_DIGITS} can be read")
        return None
    if scale > width:
        setting.document.fault(where, f"has {width} digits, but {scale} behind the point")
        return None
    name = f"{pos[0]}-{pos[1]}"
    return Field(name, pos[0] - 1, width, "decimal" if scale else "integer", digits=width, scale=scale)


def _counted(
    kind: Kind, named: tuple[str, ...], *, listed: bool, where: Where, kinds: Mapping[str, Kind]
) -> tuple[Literal["all", "detail", "group", "kinds"], tuple[str, ...]]:
    fault = kind.setting.document.fault
    word = named[0]
    if not listed and word == "group" and not any(one.words.opens for one in kinds.values()):
        fault((*where, "count"), "the layout has no groups", "a kind opens one: opens: name")
    if not listed and word in ("all", "detail", "group"):
        return cast("Literal['all', 'detail', 'group']", word), ()
    for one in named:
        if one not in kinds and one not in kind.setting.lost_kinds:
            fault((*where, "count"), f"no kind is called {one}", suggestion(one, ["all", "detail", "group", *kinds]))
    return "kinds", named


def _summed(kind: Kind, words: ControlWords, kinds: Mapping[str, Kind]) -> Field | None:
    fault = kind.setting.document.fault
    where = (*words.where, "sum")
    name, dot, field_name = (words.sum or "").partition(".")
    if not dot:
        fault(where, f"{name} is not a field of a kind", "write kind.field, such as detail.valor")
        return None
    if name in kind.setting.lost_kinds:
        return None
    if name not in kinds:
        fault(where, f"no kind is called {name}", suggestion(name, kinds))
        return None
    field = _field(kinds[name], field_name, where)
    if field is not None and (field.type not in NUMBERS or field.repeat > 1):
        fault(where, f"{field_name} is no single number, so there is no sum")
        return None
    return field


def compile_sequence(kind: Kind, kinds: Mapping[str, Kind]) -> Sequence | None:
    """The running number of a kind's records."""
    words = kind.words.sequence
    if words is None:
        return None
    groups = [one.words.opens for one in kinds.values() if one.words.opens]
    if words.per != WHOLE_FILE and words.per not in groups and not kind.setting.lost_kinds:
        hint = suggestion(words.per, [WHOLE_FILE, *groups])
        kind.setting.document.fault((*words.where, "per"), f"no group is called {words.per}", hint)
    if words.pos[1] > kind.length and kind.certain:
        kind.setting.document.fault((*words.where, "pos"), f"lies behind the record's end at {kind.length}")
    figure = figure_at(words.pos, kind.setting, (*words.where, "pos"))
    return Sequence(figure, words.from_, words.per) if figure else None


def _field(kind: Kind, name: str, where: Where) -> Field | None:
    """A field by its name; None with a fault where there is none, without one where it has its own."""
    if name not in kind.fields:
        if kind.certain:
            message = f"{kind.name} has no field {name}"
            kind.setting.document.fault(where, message, suggestion(name, kind.fields))
        return None
    return kind.fields[name]
