"""docs/contract.md cannot lie: its examples load, it names every word, and it lists what is not supported yet.

The examples of docs/opensearch.md load as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from posicional.contract import feed_source, layout_source
from posicional.contract.feed_source import load_feed
from posicional.contract.feed_words import FeedWords
from posicional.contract.layout_source import layout_of
from posicional.contract.layout_words import LayoutWords
from posicional.contract.source import Document, parse_document
from posicional.contract.vocabulary import Words

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "contract.md").read_text(encoding="utf-8")
PAGES = PAGE + "".join((DOCS / name).read_text(encoding="utf-8") for name in ("opensearch.md", "alerts.md"))
EXAMPLES = re.findall(r"^```yaml ([a-z-]+)\n(.*?)^```$", PAGES, re.MULTILINE | re.DOTALL)

ENVIRONMENT = {"SMTP_USER": "ops", "SMTP_PASSWORD": "secret", "TELEFONE_URL": "json://telefone.example.com"}
"""What the examples take from it and give no default for."""

SMALL_FEED = {
    "feed": "exemplo",
    "timezone": "America/Sao_Paulo",
    "deadline": "12:00",
    "store": "./dados",
    "files": {"contratos": {"pattern": "C_{date:%Y%m%d}.txt", "layout": "layouts/contratos.yaml"}},
    "datasets": {"contratos_ativos": {"sql": "sql/contratos_ativos.sql", "key": ["numero_contrato"]}},
}


def test_every_block_of_yaml_is_an_example() -> None:
    """A block that says only `yaml` would not be tested."""
    assert len(EXAMPLES) == len(re.findall(r"^```yaml", PAGES, re.MULTILINE))


@pytest.mark.parametrize(
    ("kind", "text"), [pytest.param(kind, text, id=f"{n} {kind}") for n, (kind, text) in enumerate(EXAMPLES)]
)
def test_an_example_loads(kind: str, text: str, tmp_path: Path) -> None:
    """A layout or the fields of one; a feed or some of its words, with the files beside it that it names."""
    if kind in ("layout", "fields"):
        whole = text if kind == "layout" else "fields:\n" + text
        document = parse_document(whole, Document(kind))
        assert layout_of(document, "example"), list(map(str, document.faults))
        return
    said: dict[str, Any] = yaml.safe_load(text)
    words = SMALL_FEED | {"feed": said, "feed-words": said, "datasets": {"datasets": said}}[kind]
    for name in ("layouts/contratos.yaml", "layouts/clientes.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("fields: [{name: numero_contrato, width: 10, type: string}]")
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "contratos_ativos.sql").write_text("select numero_contrato from contratos")
    (tmp_path / "feriados.csv").write_text("2026-12-25\n")
    (tmp_path / "feed.yaml").write_text(text if kind == "feed" else yaml.safe_dump(words))
    assert load_feed(tmp_path / "feed.yaml", ENVIRONMENT).name in ("planos", "exemplo")


def vocabulary(model: type[Words], seen: set[type[Words]]) -> Iterator[str]:
    """Every word of a model and of those inside it."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in models(field.annotation):
            yield from vocabulary(inner, seen)


def models(annotation: Any) -> Iterator[type[Words]]:
    """The models within a type."""
    if isinstance(annotation, type) and issubclass(annotation, Words):
        yield annotation
    for inner in get_args(annotation):
        yield from models(inner)


@pytest.mark.parametrize("model", [FeedWords, LayoutWords])
def test_every_word_is_on_the_page(model: type[Words]) -> None:
    """In a table, in the text, or in an example."""
    words = set(vocabulary(model, set()))
    assert len(words) > 30
    assert [word for word in sorted(words) if not re.search(rf"(?<![\w.]){word}(?!\w)", PAGE)] == []


def test_what_is_not_supported_yet_is_listed() -> None:
    """The table of the page is the program's."""
    rows = re.findall(r"^\| (feed|layout) \| `([^`]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    listed = {(file, path): tuple(re.findall("`([^`]+)`", values)) for file, path, values in rows}
    tables = {"feed": feed_source.NOT_YET, "layout": layout_source.NOT_YET}
    expected = {
        (file, path): tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
        for file, table in tables.items()
        for path, values in table.items()
    }
    assert listed == expected
