"""Words with values, checked by pydantic, every fault at its path and line, and the rest kept usable.

`read_words` gives a model even of a document with faults, as far as it can be understood: what is wrong is noted and
cut out, so that the checks behind it find their faults in the same pass. A model knows its place and what was cut.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    PrivateAttr,
    Strict,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from posicional.contract.source import Block, Document, Where


class Words(BaseModel):
    """Base of all vocabulary: unknown words are faults that suggest the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    stand_ins: ClassVar[Mapping[str, Any]] = {}
    """What a word that must be there is read with when it is missing or wrong, to find the other faults as well."""

    _block: Block = PrivateAttr(default_factory=lambda: Block(()))

    @model_validator(mode="wrap")
    @classmethod
    def _placed(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if not isinstance(value, Block):
            return handler(value)
        document: Document = info.context  # type: ignore[assignment]  # pydantic's context is Any or None
        if value.spare is None:
            value.spare = dict(cls.stand_ins)
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for word in [word for word in value if word not in known]:
            document.fault((*value.where, word), "unknown word", suggestion(word, known))
            cut(value, word)
        for word in [word for word, said in value.items() if said is None]:
            document.fault((*value.where, word), *_NO_VALUE)
            cut(value, word)
        return handler(value).placed(value)

    def placed(self, block: Block) -> Self:
        """These words, standing at `block`."""
        self._block = block
        return self

    @property
    def where(self) -> Where:
        """The path of these words in their document."""
        return self._block.where

    @property
    def doubtful(self) -> bool:
        """Whether a fault has cut some of these words, so that what is missing may not be meant."""
        return bool(self._block.cut)

    def says(self, word: str) -> bool:
        """Whether the word stands there, rightly or wrongly."""
        return word in self._block or word in self._block.cut

    def said(self) -> tuple[str, ...]:
        """All words that stand there, rightly or wrongly, in their order."""
        return (*self._block, *sorted(self._block.cut))

    def lost(self, *words: str) -> bool:
        """Whether a fault has cut one of these words."""
        return not self._block.cut.isdisjoint(words)


W = TypeVar("W", bound=Words)


def read_words(model: type[W], document: Document) -> W | None:
    """The document as a model; what is wrong becomes faults. None where nothing of it can be used."""
    if document.faults and not document.root:
        return None
    noted = False
    while True:
        try:
            return model.model_validate(document.root, context=document)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
        if not noted:  # what a later look finds only follows from what has been cut
            for each in found:
                named = tuple(step for step in each["loc"] if step != "[key]")  # pydantic's mark for the name itself
                _note(document, named, each["type"], each.get("ctx", {}), each["msg"])
            noted = True
        # All places are found before the first is cut: cutting moves what stands behind.
        places = [_place(document.root, each["loc"]) for each in found]
        for place, each in zip(places, found, strict=True):
            if not _mend(place, each["type"], str(each["loc"][-1])):
                return None


def cut(block: Block, word: str) -> None:
    """Take a word out that a fault has been noted for."""
    block.pop(word, None)
    block.cut.add(word)


class _Place(NamedTuple):
    """Where a fault is: the innermost value, and the word of a block that holds it (none for the whole)."""

    value: Any
    holder: Block | None
    word: str


def _place(root: Block, where: Where) -> _Place:
    place = _Place(root, None, "")
    for step in where:
        value = place.value
        if isinstance(value, Block) and isinstance(step, str) and step in value:
            place = _Place(value[step], value, step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value) and isinstance(value[step], Block):
            place = place._replace(value=value[step])
        elif isinstance(value, list) or isinstance(step, str):  # an int beside: one thing, taken as a list of one
            break
    return place


def _mend(place: _Place, kind: str, word: str) -> bool:
    """Put in what may stand for a missing word, or cut what is wrong; False where that would be the whole.

    Of a list of mappings only the one at fault goes, though the word that holds the list then counts as cut too.
    """
    if kind == "missing" and isinstance(place.value, Block) and word in (place.value.spare or {}):
        place.value[word] = (place.value.spare or {}).pop(word)
        place.value.cut.add(word)
        return True
    if place.holder is None:
        return False
    items = place.holder.get(place.word)
    if isinstance(items, list) and isinstance(place.value, Block):
        items[:] = [item for item in items if item is not place.value]
        place.holder.cut.add(place.word)
    else:
        cut(place.holder, place.word)
    return True


def _note(document: Document, where: Where, kind: str, context: dict[str, Any], text: str) -> None:
    near = document.nearest(where)
    written = document.plain.get(near)
    if kind == "missing":
        if near != where and not _misspelled(_at(document.root, near), str(where[-1])):
            document.fault((*near, where[-1]), "this word is missing")
    elif written in ("", "~", "null"):
        document.fault(near, *_NO_VALUE)
    elif kind in _LIMITS:
        words, limit = _LIMITS[kind]
        document.fault(near, f"must be {words} {context[limit]}, got {written}")
    elif kind == "too_short":
        document.fault(near, "must not be empty")
    elif kind in _EXPECTED:
        expected = _EXPECTED[kind]
        if kind == "string_type" and written:
            document.fault(near, *unquoted(written))
        else:
            document.fault(near, f"expected {expected}" + (f", got {written}" if written else ""))
    elif kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        got = written if written is not None else _at(document.root, near)
        hint = suggestion(got, choices) if isinstance(got, str) else ""
        document.fault(near, f"expected {_alternatives(choices)}", hint if hint.startswith("did") else "")
    elif kind == "value_error":
        document.fault(near, str(context["error"]))
    else:
        document.fault(near, text[:1].lower() + text[1:])


_LIMITS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
_NO_VALUE = ("has no value", "give it one, or leave the word out")
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "model_type": "words with values",
    "dict_type": "names with what they mean",
    "tuple_type": "a list",
    "list_type": "a list",
}


def unquoted(written: str) -> tuple[str, str]:
    """The fault of a text that YAML does not read as text: message and hint."""
    return f"{written} without quotes is not text in YAML", f'quote it: "{written}"'


def suggestion(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is not known: the nearest one, else all."""
    choices = list(known)
    if not choices:
        return ""
    near = difflib.get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(choices)}"


def counted(number: int, what: str) -> str:
    """`1 position`, `2 positions`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _misspelled(block: Any, word: str) -> bool:
    """Whether a word that is missing stands there in another spelling, which has a fault already."""
    return isinstance(block, Block) and any(suggestion(cut, [word]).startswith("did") for cut in block.cut)


def _alternatives(choices: list[str]) -> str:
    return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)


def _at(root: Block, where: Where) -> Any:
    value: Any = root
    for step in where:
        value = value[step]
    return value


NotYet = Mapping[str, tuple[object, ...]]
"""Paths (`files.*.parts`) of what is understood and not built yet; with values, only these are refused."""


def refuse_not_yet(document: Document, table: NotYet) -> None:
    """A fault for everything in the document that the table names."""
    for where in list(document.lines):
        for path, values in table.items():
            steps = path.split(".")
            if len(steps) != len(where) or any(s not in ("*", w) for s, w in zip(steps, where, strict=True)):
                continue
            value = _at(document.root, where)
            if not values or value in values:
                word = next(step for step in reversed(where) if isinstance(step, str))
                said = f"{word}: {document.plain.get(where, value)}" if values else word
                document.fault(where, f"{said} is not supported yet")


# --- shapes that several words share ----------------------------------------------------------------------------------

Item = TypeVar("Item")
Many = Annotated[tuple[Item, ...], Strict(False)]
"""A list; kept as a tuple."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


OneOrMany = Annotated[tuple[Item, ...], Strict(False), BeforeValidator(_listed, json_schema_input_type=Any)]
"""One, or a list of them."""


def _span(value: Any) -> tuple[int, int]:
    match value:
        case [int() as first, int() as last] if 1 <= first <= last and bool not in (type(first), type(last)):
            return first, last
    raise ValueError("expected [first, last]: positions count from 1, and the last one belongs to it")


Span = Annotated[tuple[int, int], BeforeValidator(_span, json_schema_input_type=list[int])]
"""First and last position: 1-based, inclusive."""


def _day(value: Any) -> date:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    if isinstance(value, date):
        return value
    raise ValueError("expected a date such as 2026-12-24")


Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=str)]
"""A calendar day, quoted or not."""


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text) or len(text) > 128:
        raise ValueError(f"{text!r} is not a name: letters, digits and _, beginning with a letter, without accents")
    return text


Name = Annotated[str, AfterValidator(_identifier)]
"""A name that is safe as a column, a table and a folder."""


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Text = Annotated[str, AfterValidator(_said)]
"""A text with something in it."""
