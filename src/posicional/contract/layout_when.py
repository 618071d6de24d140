"""How kinds of records are told apart: conditions on what stands at positions."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

from posicional.contract import codepage
from posicional.contract.layout import Match, When
from posicional.contract.layout_fields import Setting
from posicional.contract.layout_words import ConditionWords, LayoutWords
from posicional.contract.vocabulary import counted


def compile_when(conditions: tuple[ConditionWords, ...], setting: Setting) -> When:
    """The conditions with their values as bytes; faulty ones are left out."""
    otherwise = any(condition.otherwise for condition in conditions)
    if otherwise and len(conditions) > 1:
        setting.document.fault(conditions[0].where, "otherwise stands alone: it takes what no other kind takes")
    matches = [match for condition in conditions if (match := _match(condition, setting))]
    return When(tuple(matches), otherwise)


def _match(words: ConditionWords, setting: Setting) -> Match | None:
    fault = setting.document.fault
    if words.otherwise is not None:
        if words.otherwise is False:
            fault((*words.where, "otherwise"), "false says nothing", "leave the condition out")
        for word in words.said():
            if word != "otherwise":
                fault((*words.where, word), "does not go with otherwise")
        return None
    if words.doubtful:
        return None
    if (words.is_ is None) == (words.hex is None):
        fault(words.where, "a condition has either is or hex, and pos")
        return None
    if words.pos is None:
        fault((*words.where, "pos"), "this word is missing", "say where to look: pos: [1, 2]")
        return None
    start, width = words.pos[0] - 1, words.pos[1] - words.pos[0] + 1
    texts, word = (words.is_, "is") if words.is_ is not None else (words.hex or (), "hex")
    if word == "hex" and not setting.counts_bytes:
        fault((*words.where, "hex"), "bytes need positions in bytes", "say unit: bytes, or is instead of hex")
        return None
    values = [_value(text, word, words, width, setting) for text in texts]
    if not values:
        fault((*words.where, word), "must not be empty")
    if None in values or not values:
        return None
    return Match(start, width, tuple(value for value in values if value is not None))


def _value(text: str, word: str, words: ConditionWords, width: int, setting: Setting) -> bytes | None:
    """One value as bytes, if it fills the positions exactly."""
    fault = setting.document.fault
    where = (*words.where, word)
    try:
        value = bytes.fromhex(text) if word == "hex" else codepage.encode(text, setting.encoding or "utf-8")
    except ValueError:
        wrong = "is not hexadecimal" if word == "hex" else f"cannot be written in {setting.encoding}"
        fault(where, f"{text!r} {wrong}")
        return None
    length = len(value) if word == "hex" else setting.width_of(text)
    if length != width:
        fault(where, f"{text!r} takes {counted(length or 0, 'position')}; pos has {width}")
        return None
    return value


def check_told_apart(whens: Mapping[str, When], words: LayoutWords, setting: Setting) -> None:
    """Faults where a record would belong to two kinds, or to any."""
    fault = setting.document.fault
    kinds = words.records or {}
    if len(whens) < 2:
        return
    for name in whens:
        if not kinds[name].says("when"):
            fault(("records", name, "when"), "this word is missing", "several kinds must say how each is known")
        elif kinds[name].when == ():
            fault(("records", name, "when"), "must not be empty")
    rest = [name for name, when in whens.items() if when.otherwise]
    for name in rest[1:]:
        fault(("records", name, "when"), f"otherwise is said by {rest[0]} already", "only one kind can take the rest")
    sound = [name for name, when in whens.items() if when.matches and not _faulty(kinds[name].when or (), when)]
    reported: set[frozenset[str]] = set()
    for one, other in permutations(sound, 2):
        if _implies(whens[one], whens[other], setting) and frozenset((one, other)) not in reported:
            reported.add(frozenset((one, other)))
            hint = "add a condition that tells them apart"
            fault(("records", one, "when"), f"every record of {one} is one of {other} as well", hint)


def _faulty(conditions: tuple[ConditionWords, ...], when: When) -> bool:
    return len(conditions) != len(when.matches)


def _implies(one: When, other: When, setting: Setting) -> bool:
    """Whether every record that meets `one` meets `other`."""
    return all(any(_covers(mine, theirs, setting) for mine in one.matches) for theirs in other.matches)


def _covers(mine: Match, theirs: Match, setting: Setting) -> bool:
    """Whether meeting `mine` makes sure that `theirs` is met."""
    start = theirs.start - mine.start
    if start < 0 or theirs.start + theirs.width > mine.start + mine.width:
        return False
    wanted = set(map(setting.positions, theirs.values))
    return all(setting.positions(value)[start : start + theirs.width] in wanted for value in mine.values)
