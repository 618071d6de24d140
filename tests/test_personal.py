"""No value of a personal field leaves the data: not on the terminal, not in a fact, a name, a log, an index's words.

The values are cut by hand from the sample (`planos_by_hand`); every command runs over good, flawed and broken days,
and all that was printed and everything below `controle/` is searched. The data itself (what arrives, Parquet, rejects)
holds them, of course; the published documents do not, since no personal column is published.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import planos_by_hand as by_hand
from commands import PLANOS, Said, arrive_bytes, files_below, posicional
from planos_day import ALIASES, DATASETS, DATE, DAY, FILES, World, path_of, world
from posicional.demo.sample import write_sample

LAYOUTS = PLANOS.parent / "layouts"
SHORTEST = 8
"""Characters of a value that cannot be met by chance; a date of birth has so many."""


def spellings(value: Any) -> Iterator[str]:
    """How a value might be written somewhere: as it stood in the file, as people write it, as JSON and Python do."""
    if isinstance(value, date):
        yield from (f"{value:%Y%m%d}", f"{value:%Y-%m-%d}", f"{value:%d/%m/%Y}", f"{value:%d%m%Y}")
    elif isinstance(value, Decimal):
        yield from (f"{int(value * 100):011d}", f"{value:,.2f}")
    else:
        text = str(value)
        yield text
        yield json.dumps(text)[1:-1]
        yield repr(text.encode())[2:-1]
        yield repr(text.encode("latin-1"))[2:-1]


def values_of(folder: Path, day: date) -> set[str]:
    """Every personal value of a sample, in every spelling, where it is long enough to be told from a number of ours."""
    found: set[str] = set()
    for name, fields in by_hand.PERSONAL.items():
        for row in by_hand.rows(folder, name, day):
            for field in fields:
                if row[field] is not None:
                    found |= {text for text in spellings(row[field]) if len(text) >= SHORTEST}
    return found


def harmless(folder: Path, day: date) -> set[str]:
    """Dates and sums that may be told, since they are not personal where they stand."""
    told = {text for when in (day, date(2026, 11, 21), date.today()) for text in spellings(when)}  # noqa: DTZ011
    for name in FILES:
        for row in by_hand.rows(folder, name, day):
            for field, value in row.items():
                if field not in by_hand.PERSONAL.get(name, ()) and value is not None:
                    told |= set(spellings(value))
    return told


def found_in(text: str, values: set[str]) -> list[str]:
    """Which of the values stand in a text."""
    return sorted(value for value in values if value in text)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seven files of a day."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, DAY, 80)
    return folder


@pytest.fixture(scope="module")
def values(sample: Path) -> set[str]:
    """The sample's personal values."""
    values = values_of(sample, DAY) - harmless(sample, DAY)
    assert len(values) > 500
    return values


def test_the_layouts_mark_what_is_taken_for_personal_here() -> None:
    """The list that is searched for is the layouts' own, so that none is forgotten."""
    from posicional.contract.layout import Layout

    marked = {
        name: tuple(
            field.name
            for kind in Layout.load(LAYOUTS / f"{name}.yaml").kinds
            for field in kind.fields
            if field.personal
        )
        for name in FILES
    }
    assert {name: fields for name, fields in marked.items() if fields} == by_hand.PERSONAL


def test_the_search_finds_what_it_looks_for(sample: Path, values: set[str]) -> None:
    """The files themselves hold plenty of them: a search that finds nothing elsewhere means something."""
    for name in by_hand.PERSONAL:
        text = path_of(sample, name).read_bytes().decode(by_hand.ENCODINGS.get(name, "utf-8"))
        assert len(found_in(text, values)) > 2, name


def spoilt(sample: Path, name: str, how: str) -> bytes:
    """A file in which the records are bad just where they are personal."""
    lines = path_of(sample, name).read_bytes().split(b"\n")
    cut = {field: slice(start, stop) for field, start, stop, _ in by_hand.CUTS[name]}
    for number in range(2, len(lines) - 2):
        line = lines[number]
        field = by_hand.PERSONAL[name][number % len(by_hand.PERSONAL[name])]
        at = cut[field]
        match how:
            case "bytes that are no text":
                lines[number] = line[: at.start] + b"\xff\x81" + line[at.start + 2 :]
            case "letters in it":
                lines[number] = line[: at.stop - 1] + b"X" + line[at.stop :]
            case "cut in the middle":
                lines[number] = line[: at.stop]
            case "moved to the right":
                lines[number] = b" " + line
            case "blank":
                lines[number] = line[: at.start] + b" " * (at.stop - at.start) + line[at.stop :]
            case "of no kind":
                lines[number] = b"7" + line[1:]
    return b"\n".join(lines)


HOWS = ("bytes that are no text", "letters in it", "cut in the middle", "moved to the right", "blank", "of no kind")


def everything_said(made: World, sample: Path) -> list[Said]:
    """Every command that reads the day or one of its files, in both forms."""
    words = ("--date", DATE, "--store", made.store)
    env = {"OPENSEARCH_URL": made.url, "POSICIONAL_DEBUG": ""}
    said = [made.run(), made.run("--json")]
    for form in ((), ("--json",)):
        said.append(posicional("status", PLANOS, *words, *form, env=env))
        said.append(posicional("deadline", PLANOS, *words, *form, env=env))
        said += [posicional("dataset", PLANOS, name, *words, *form, env=env) for name in DATASETS]
        for name in FILES:
            file = made.store / "dados-posicionais" / path_of(sample, name).name
            output = made.store.parent / "out" / f"{name}.parquet"
            layout = LAYOUTS / f"{name}.yaml"
            for more in ((), ("--max-rejects", "100%", "--date", DATE)):
                said.append(posicional("convert", file, "--layout", layout, "-o", output, *more, *form))
    return said


def assert_nothing_leaks(made: World, said: list[Said], values: set[str], caplog: pytest.LogCaptureFixture) -> None:
    """Search all that was printed and logged, every fact, every name, and what the endpoint was told of indices."""
    texts = {f"output {number}": one.text for number, one in enumerate(said)}
    texts["log"] = caplog.text
    texts["names"] = "\n".join(str(path.relative_to(made.store)) for path in made.store.rglob("*"))
    texts |= {name: data.decode() for name, data in files_below(made.store / "controle").items()}
    texts["indices"] = json.dumps(made.client.indices.get(index="*"), ensure_ascii=False)
    leaks = {where: found_in(text, values) for where, text in texts.items()}
    assert {where: found for where, found in leaks.items() if found} == {}
    assert len(texts) > 20


def test_a_good_day_tells_nothing_personal(
    sample: Path, values: set[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All commands over a day that goes well; and no published document holds a personal value either."""
    caplog.set_level(logging.DEBUG)
    with world(tmp_path / "dados") as made:
        made.arrive(sample)
        said = everything_said(made, sample)
        assert said[0].code == 0, said[0].text
        assert_nothing_leaks(made, said, values, caplog)
        for alias in ALIASES.values():
            documents = json.dumps(made.documents(alias), ensure_ascii=False)
            assert found_in(documents, values) == []


def test_a_day_of_flaws_tells_nothing_personal(
    values: set[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All commands over the sample's documented flaws."""
    caplog.set_level(logging.DEBUG)
    flawed = tmp_path / "flawed"
    write_sample(flawed, DAY, 80, flaws=True)
    with world(tmp_path / "dados") as made:
        made.arrive(flawed)
        said = everything_said(made, flawed)
        assert said[0].code == 4
        assert_nothing_leaks(made, said, values | {"João da Conceição Simões"}, caplog)


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=() if n < 1 else pytest.mark.slow) for n, how in enumerate(HOWS)]
)
def test_bad_personal_fields_tell_nothing_personal(
    how: str, sample: Path, values: set[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every record is bad, just in a personal field: messages say line, positions and reason, and hide the value."""
    caplog.set_level(logging.DEBUG)
    with world(tmp_path / "dados") as made:
        made.arrive(sample)
        for name in by_hand.PERSONAL:
            arrive_bytes(made.store, path_of(sample, name).name, spoilt(sample, name, how))
        said = everything_said(made, sample)
        assert said[0].code in (0, 4), said[0].text
        if how == "bytes that are no text":
            assert any("nascimento 63-70" in one.err and "(personal, hidden)" in one.err for one in said)
        cut = {value[:length] for value in values for length in range(SHORTEST, len(value)) if value[:length].isdigit()}
        assert_nothing_leaks(made, said, values | (cut - harmless(sample, DAY)), caplog)


def test_a_key_that_is_not_unique_is_refused_without_its_value(
    sample: Path, values: set[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The same client twice doubles the contracts: the run fails (exit 4), and says how many, not which person."""
    caplog.set_level(logging.DEBUG)
    lines = path_of(sample, "clientes").read_bytes().split(b"\n")
    twice = [*lines[:2], *lines[1:-2], lines[-2].replace(b"%011d" % (len(lines) - 1), b"%011d" % len(lines)), b""]
    with world(tmp_path / "dados") as made:
        made.arrive(sample)
        arrive_bytes(made.store, path_of(sample, "clientes").name, b"\n".join(twice))
        said = everything_said(made, sample)
        assert said[0].code == 4
        assert "contratos_ativos" in said[0].err
        assert_nothing_leaks(made, said, values, caplog)


BAD_SQL = {
    "a name that is no number": "select p.id_plano from planos p join clientes l on cast(l.nome as decimal(18,0)) > 0",
    "a name that is no date": "select p.id_plano from planos p join clientes l on cast(l.nome as date) is not null",
    "a number that is too large": "select p.id_plano from planos p join clientes l on cast(l.cpf as decimal(5,0)) > 0",
    "a key that is not unique": "select p.id_plano from planos p join clientes l on l.nome > 'A'",
    "a personal column in the result": "select l.cpf as id_plano from clientes l",
}
"""Queries that stumble over personal values, about which engines like to quote the value."""


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if n % 3 == 0 else pytest.mark.slow) for n, case in enumerate(BAD_SQL)]
)
def test_sql_that_stumbles_over_a_personal_value_does_not_quote_it(
    case: str, sample: Path, values: set[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run fails with the dataset's name and the kind of trouble; neither message nor fact holds a value."""
    caplog.set_level(logging.DEBUG)
    folder = tmp_path / "planos"
    shutil.copytree(PLANOS.parent, folder, ignore=shutil.ignore_patterns("dados"))
    (folder / "sql" / "resumo_planos.sql").write_text(BAD_SQL[case], encoding="utf-8")
    feed, rest = (folder / "feed.yaml").read_text(encoding="utf-8").split("  resumo_planos:\n", 1)
    short = "  resumo_planos: {sql: sql/resumo_planos.sql, key: [id_plano]}\n"
    (folder / "feed.yaml").write_text(feed + short + rest[rest.index("publish:") :], encoding="utf-8")
    with world(tmp_path / "dados") as made:
        made.arrive(sample)
        words = (folder / "feed.yaml", "--date", DATE, "--store", made.store)
        said = [posicional("run", *words, *more, "--no-publish") for more in ((), ("--json",))]
        said += [posicional(name, *words) for name in ("status", "deadline")]
        assert said[0].code in (2, 4), said[0].text
        assert "resumo_planos" in said[0].err
        assert_nothing_leaks(made, said, values, caplog)
