"""The JSON Schemas that ship with the package: current, no stricter than the loader, and strict where it matters.

`python tests/test_schemas.py` writes the shipped files anew; look at the difference before you commit it.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from posicional.contract import schema
from posicional.contract.feed_source import load_feed
from posicional.contract.layout_source import load_layout
from posicional.contract.source import Document, parse_document, read_document
from posicional.errors import ContractError

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "src" / "posicional" / "schemas"
MADE = {"feed": schema.feed_schema(), "layout": schema.layout_schema()}
BLOCK = re.compile(r"^```yaml (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown(made: dict[str, Any]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def as_json(value: Any) -> Any:
    """A document as an editor sees it: YAML 1.2, where a date is a text."""
    if isinstance(value, dict):
        return {word: as_json(inner) for word, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def good() -> Iterator[Any]:
    """Contracts without a fault: the examples, the golden cases, the documentation's."""
    layouts = [*ROOT.glob("examples/**/layout*.yaml"), *ROOT.glob("examples/*/layouts/*.yaml")]
    layouts += ROOT.glob("tests/cases/records/*/layout.yaml")
    for kind, paths in (("layout", layouts), ("feed", ROOT.glob("examples/*/feed.yaml"))):
        for path in sorted(paths):
            root = as_json(read_document(path).root)
            yield pytest.param(kind, root, id=str(path.relative_to(ROOT).parent / path.stem))
    page = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    for number, (kind, text) in enumerate(BLOCK.findall(page)):
        if kind in ("layout", "fields", "feed"):
            whole = "fields:\n" + text if kind == "fields" else text
            root = as_json(parse_document(whole, Document("")).root)
            yield pytest.param("feed" if kind == "feed" else "layout", root, id=f"contract.md {number}")


GOOD = list(good())


def faults(kind: str, document: Any) -> list[str]:
    """What a schema says of a document."""
    return [error.message for error in Draft202012Validator(MADE[kind]).iter_errors(document)]


@pytest.mark.parametrize("kind", MADE)
def test_the_shipped_schema_is_what_the_words_say(kind: str) -> None:
    """A word that is added, or means something else, is in the file that ships."""
    shipped = files("posicional") / "schemas" / f"{kind}.schema.json"
    assert shipped.read_text(encoding="utf-8") == shown(MADE[kind])


@pytest.mark.parametrize("kind", MADE)
def test_a_schema_is_one(kind: str) -> None:
    """It is valid JSON Schema, and every mapping in it says what it takes."""
    Draft202012Validator.check_schema(MADE[kind])
    for name, model in MADE[kind]["$defs"].items():
        assert model.get("additionalProperties") is False, name


def test_forms_and_rules_are_all_used() -> None:
    """Nothing is said of a validator or of words that are gone."""
    models = {*MADE["feed"]["$defs"], *MADE["layout"]["$defs"], "FeedWords", "LayoutWords"}
    assert set(schema.RULES) <= models
    source = "".join(path.read_text() for path in (ROOT / "src/posicional/contract").glob("*.py"))
    used = set(re.findall(r"(?:Before|After)Validator\((\w+)", source))
    assert set(schema.FORMS) == used


@pytest.mark.parametrize(("kind", "document"), GOOD)
def test_a_good_contract_is_valid(kind: str, document: Any) -> None:
    """Examples, golden cases and the documentation's contracts, in every form that they use."""
    assert faults(kind, document) == []


FIELD = {"name": "n", "width": 5, "type": "integer"}
LAYOUT = {"fields": [FIELD]}
FEED: dict[str, Any] = {
    "feed": "f",
    "timezone": "UTC",
    "deadline": "12:00",
    "store": ".",
    "files": {"a": {"pattern": "A_{date:%Y%m%d}.txt", "layout": "a.yaml"}},
    "datasets": {"d": {"sql": "d.sql", "key": ["k"]}},
}


def feed_file(**words: Any) -> dict[str, Any]:
    """A feed whose file says more."""
    return FEED | {"files": {"a": FEED["files"]["a"] | words}}


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        pytest.param("layout", {}, id="neither fields nor records"),
        pytest.param("layout", LAYOUT | {"records": {"a": LAYOUT}}, id="fields and records"),
        pytest.param("layout", LAYOUT | {"enconding": "utf-8"}, id="unknown word"),
        pytest.param("layout", LAYOUT | {"unit": "byte"}, id="unknown unit"),
        pytest.param("layout", LAYOUT | {"encoding": None}, id="a word without a value"),
        pytest.param("layout", LAYOUT | {"record": {"length": "120"}}, id="a quoted length"),
        pytest.param("layout", LAYOUT | {"record": {"length": 0}}, id="no length"),
        pytest.param("layout", {"fields": [FIELD | {"lenght": 3}]}, id="unknown word of a field"),
        pytest.param("layout", {"fields": [FIELD | {"type": "int"}]}, id="unknown type"),
        pytest.param("layout", {"fields": [{"name": "n", "width": 5}]}, id="no type"),
        pytest.param("layout", {"fields": [{"width": 5, "type": "integer"}]}, id="no name"),
        pytest.param("layout", {"fields": [{"name": "n", "type": "integer"}]}, id="no width"),
        pytest.param("layout", {"fields": [{"filler": 3, "type": "string"}]}, id="filler with a type"),
        pytest.param("layout", {"fields": [{"filler": 0}]}, id="filler of nothing"),
        pytest.param("layout", {"fields": [FIELD | {"name": "valor_líquido"}]}, id="a name with an accent"),
        pytest.param("layout", {"fields": [FIELD | {"pos": [0, 5]}]}, id="positions count from 1"),
        pytest.param("layout", {"fields": [FIELD | {"pos": [1]}]}, id="half a position"),
        pytest.param("layout", {"fields": [FIELD | {"missing": [0]}]}, id="missing without quotes"),
        pytest.param(
            "layout", {"fields": [{"name": "p", "repeat": 2, "fields": [{}]}]}, id="an empty field in a group"
        ),
        pytest.param("layout", {"records": {"a": {"when": {"pos": [1, 2], "is": 1}}}}, id="a value without quotes"),
        pytest.param("layout", {"records": {"a": {"when": {"is": "01"}}}}, id="a condition without a place"),
        pytest.param("layout", {"records": {"a": {"controls": [{"count": "all"}]}}}, id="a control without a field"),
        pytest.param("layout", {"records": {"a-b": LAYOUT}}, id="the name of a kind"),
        pytest.param("feed", {word: said for word, said in FEED.items() if word != "deadline"}, id="no deadline"),
        pytest.param("feed", FEED | {"deadline": 720}, id="a deadline that YAML reads as a number"),
        pytest.param("feed", FEED | {"deadline": "noon"}, id="a deadline that is no time"),
        pytest.param("feed", FEED | {"deadline": {"at": "12:00", "after": "a day"}}, id="a deadline after a day"),
        pytest.param("feed", FEED | {"feed": "Planos"}, id="a feed's name"),
        pytest.param("feed", FEED | {"calendar": {"days": "workdays"}}, id="unknown days"),
        pytest.param("feed", FEED | {"settle": "2 hours"}, id="a long settle"),
        pytest.param("feed", FEED | {"lookback": 0}, id="no lookback"),
        pytest.param("feed", FEED | {"files": {"a-b": FEED["files"]["a"]}}, id="the name of a file"),
        pytest.param("feed", FEED | {"files": {"a": {"pattern": "A"}}}, id="a file without a layout"),
        pytest.param("feed", feed_file(owners="me"), id="unknown word of a file"),
        pytest.param("feed", feed_file(max_rejects="some"), id="an unclear number of rejects"),
        pytest.param("feed", feed_file(parts={"count": 3, "marker": "FIM"}), id="two ways to be complete"),
        pytest.param("feed", FEED | {"datasets": {"d": {"sql": "d.sql", "key": []}}}, id="an empty key"),
        pytest.param(
            "feed",
            FEED | {"datasets": {"d": {"sql": "d.sql", "key": ["k"], "protect": {"cpf": "hide"}}}},
            id="an unknown protection",
        ),
        pytest.param("feed", FEED | {"publish": {"elastic": {}}}, id="an unknown target"),
    ],
)
def test_a_typical_fault_is_refused(kind: str, document: Any) -> None:
    """What an editor underlines while it is typed."""
    assert faults(kind, {"layout": LAYOUT, "feed": FEED}[kind]) == []
    assert faults(kind, document)


ELSE: list[Any] = [
    0, 1, 2, 99, -1, 1.5, True, False, "", " ", "x", "rest", "1", "12:00", "0.1%", "2 s", "35 days", "2026-12-24",
    [1, 4], [4, 1], ["a"], [], {}, {"at": "09:00"}, {"filler": 2}, {"mask": "last4"}, "S9(4) COMP", "%Y%m%d",
]  # fmt: skip
"""What stands in for some other value."""


def changed(document: Any, chance: random.Random) -> Any:
    """A document with one of its values, or words, replaced or taken out."""
    made = copy.deepcopy(document)
    places = list(_places(made))
    holder, word = chance.choice(places)
    match chance.randrange(4):
        case 0 if isinstance(holder, dict):
            del holder[word]
        case 1 if isinstance(holder, dict):
            other, said = chance.choice([place for place in places if isinstance(place[0], dict)])
            holder[said] = copy.deepcopy(other.get(said))
        case _:
            holder[word] = copy.deepcopy(chance.choice(ELSE))
    return made


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    words = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for word, inner in words:
        yield value, word
        yield from _places(inner)


@pytest.mark.parametrize("seed", range(2))
def test_the_schema_takes_what_the_loader_takes(seed: int, tmp_path: Path) -> None:
    """Good contracts, each with a small change: where the loader finds no fault, the schema finds none either."""
    chance = random.Random(seed)
    taken = 0
    (tmp_path / "layouts").mkdir()
    (tmp_path / "sql").mkdir()
    for _ in range(300):
        kind, document = chance.choice(GOOD).values
        document = changed(document, chance)
        path = tmp_path / "contract.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
        try:
            load_layout(path) if kind == "layout" else load_feed(path, {})
        except ContractError as error:
            if not all(re.match("no such file|.* is not supported yet", fault.message) for fault in error.faults):
                continue
        taken += 1
        assert faults(kind, as_json(read_document(path).root)) == [], document
    assert taken > 10, f"seed {seed}"


if __name__ == "__main__":
    for name, made in MADE.items():
        (SHIPPED / f"{name}.schema.json").write_text(shown(made), encoding="utf-8")
