"""The sample and the demo feed: what is written is what the layouts say, fits together, and is the same everywhere.

The files are read here by a reader of this module's own, from the YAML as it stands: neither the product's reader nor
the sample's own constants have a say in it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from posicional.demo import sample
from posicional.demo.sample import FILES, FLAWS, SampleFile, write_sample
from posicional.errors import StoreError, UsageError

PLANOS = Path(__file__).parents[1] / "examples" / "planos"
DAY = dt.date(2026, 11, 22)
Row = dict[str, Any]

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


@cache
def layout_of(name: str) -> Any:
    """The YAML of the file's layout, as the feed names it."""
    feed = yaml.safe_load((PLANOS / "feed.yaml").read_text())
    return yaml.safe_load((PLANOS / feed["files"][name]["layout"]).read_text())


def positions(name: str, kind: str) -> list[tuple[Row, int, int]]:
    """The fields of a kind of record with their first and last byte (0-based, last exclusive), filler left out."""
    length, at, found = layout_of(name)["record"]["length"], 0, []
    for field in layout_of(name)["records"][kind]["fields"]:
        if "pos" in field:
            assert field["pos"][0] == at + 1, field
        filler = field.get("filler")
        end = length if filler == "rest" else field["pos"][1] if "pos" in field else at + (filler or field["width"])
        if filler is None:
            found.append((field, at, end))
        at = end
    assert at == length
    return found


def value(field: Row, raw: bytes, name: str) -> Any:
    """One field's value; wrong spellings raise."""
    layout = layout_of(name)
    text = raw.decode(layout["encoding"])
    if not text.strip(" ") or text in layout.get("defaults", {}).get(field["type"], {}).get("missing", ()):
        assert not field.get("required"), field
        return None
    if field["type"] == "string":
        return text.strip(" ")
    if field["type"] == "date":
        return dt.datetime.strptime(text, field["format"]).replace(tzinfo=dt.UTC).date()
    sign = {"leading": text[0], "trailing": text[-1]}.get(field.get("sign", ""), "+")
    digits = text if "sign" not in field else text[1:] if field["sign"] == "leading" else text[:-1]
    assert sign in "+-"
    assert digits.lstrip(" ").isdigit(), field
    return (-1 if sign == "-" else 1) * Decimal(int(digits)).scaleb(-field.get("scale", 0))


def lines(path: Path) -> list[bytes]:
    """The lines without their ends."""
    data = path.read_bytes()
    assert data.endswith(b"\n")
    return [line.removesuffix(b"\r") for line in data[:-1].split(b"\n")]


def kind_of(name: str, line: bytes) -> str:
    """Which kind of record a line is, by the layout's conditions."""
    kinds: dict[str, Row] = {kind: record["when"] for kind, record in layout_of(name)["records"].items()}
    for kind, when in kinds.items():
        if "pos" in when and line[when["pos"][0] - 1 : when["pos"][1]] == when["is"].encode():
            return kind
    return next(kind for kind, when in kinds.items() if when.get("otherwise"))


def read(folder: Path, name: str, day: dt.date = DAY) -> dict[str, list[Row]]:
    """The rows of each kind of record of a file, in their order."""
    rows: dict[str, list[Row]] = {"header": [], "detail": [], "trailer": []}
    for line in lines(folder / f"{name.upper()}_{day:%Y%m%d}.txt"):
        assert len(line) == layout_of(name)["record"]["length"]
        kind = kind_of(name, line)
        rows[kind].append({field["name"]: value(field, line[a:b], name) for field, a, b in positions(name, kind)})
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good sample of 600 contracts."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, DAY, 600)
    return folder


@pytest.fixture(scope="module")
def day(folder: Path) -> dict[str, list[Row]]:
    """Its detail records, as values."""
    return {file.name: read(folder, file.name)["detail"] for file in FILES}


@each_file
def test_fields_lie_where_the_layout_says(file: SampleFile) -> None:
    """The positions that the sample writes at are the layout's, field by field, and so are length and marks."""
    expected = {field["name"]: slice(a, b) for field, a, b in positions(file.name, "detail")}
    assert dict(file.shape.fields) == expected
    assert file.shape.length == layout_of(file.name)["record"]["length"]
    assert kind_of(file.name, file.header_mark) == "header"
    assert kind_of(file.name, file.trailer_mark) == "trailer"


def test_the_feed_expects_the_seven_files_that_are_written(folder: Path) -> None:
    """Every file is named as its pattern wants, and there is nothing else in the folder, leftovers included."""
    patterns = {
        name: each["pattern"] for name, each in yaml.safe_load((PLANOS / "feed.yaml").read_text())["files"].items()
    }
    assert list(patterns) == [file.name for file in FILES]
    expected = {pattern.replace("{date:%Y%m%d}", "20261122") for pattern in patterns.values()}
    assert {path.name for path in folder.iterdir()} == expected


@each_file
def test_header_and_trailer_agree_with_the_records(file: SampleFile, folder: Path) -> None:
    """One header with the date first, one trailer last, whose count and sums are those of the records between."""
    rows = read(folder, file.name)
    every_line = lines(folder / f"{file.name.upper()}_20261122.txt")
    assert [kind_of(file.name, every_line[0]), kind_of(file.name, every_line[-1])] == ["header", "trailer"]
    assert [header["data_ref"] for header in rows["header"]] == [DAY]
    (trailer,) = rows["trailer"]
    controls = layout_of(file.name)["records"]["trailer"]["controls"]
    assert {"count": "all", "field": "registros"} in controls
    for control in controls:
        if "count" in control:
            expected: Any = len(every_line)
        else:
            expected = sum(row[control["sum"].removeprefix("detail.")] for row in rows["detail"])
        assert trailer[control["field"]] == expected, control


def test_every_key_is_there_once_and_every_reference_finds_it(day: dict[str, list[Row]]) -> None:
    """Keys are unique, and no record points to a contract, client, plan or broker that does not exist."""
    keys = {
        "contratos": ("numero_contrato",),
        "clientes": ("cpf",),
        "planos": ("id_plano",),
        "dependentes": ("numero_contrato", "sequencia"),
        "pagamentos": ("id_pagamento",),
        "corretores": ("id_corretor",),
        "sinistros": ("id_sinistro",),
    }
    known = {name: [tuple(row[part] for part in key) for row in day[name]] for name, key in keys.items()}
    for name, found in known.items():
        assert len(set(found)) == len(found), name
    for child, field, parent in (
        ("contratos", "cpf", "clientes"),
        ("contratos", "id_plano", "planos"),
        ("contratos", "id_corretor", "corretores"),
        ("dependentes", "numero_contrato", "contratos"),
        ("pagamentos", "numero_contrato", "contratos"),
        ("sinistros", "numero_contrato", "contratos"),
    ):
        assert {(row[field],) for row in day[child]} <= set(known[parent]), child
    assert {row["cpf"] for row in day["contratos"]} == {row["cpf"] for row in day["clientes"]}


def has_right_check_digits(number: str, weights: str) -> bool:
    """Modulo 11 as the tax office describes it: `weights` of the digits before the second check digit, in base 12."""
    for length in (len(number) - 2, len(number) - 1):
        total = sum(
            int(digit) * int(weight, 12) for digit, weight in zip(number[:length], weights[-length:], strict=True)
        )
        if int(number[length]) != (0 if total % 11 < 2 else 11 - total % 11):
            return False
    return True


def test_tax_numbers_are_valid_and_no_two_people_share_one(day: dict[str, list[Row]]) -> None:
    """CPF and CNPJ have the check digits that they should; clients and dependants all have different ones."""
    person, company = "BA98765432", "6543298765432"
    people = [row["cpf"] for name in ("clientes", "dependentes") for row in day[name] if row["cpf"]]
    assert has_right_check_digits("52998224725", person)  # the tax office's own example
    assert not has_right_check_digits("52998224735", person)
    assert all(len(number) == 11 and has_right_check_digits(number, person) for number in people)
    assert len(set(people)) == len(people)
    assert all(has_right_check_digits(row["cnpj"], company) for row in day["corretores"])


def test_text_is_as_in_brazil(folder: Path, day: dict[str, list[Row]]) -> None:
    """Names carry their accents whole in the layout's encoding; one file is really cp1252 with CRLF."""
    names = " ".join(row["nome"] for row in day["clientes"])
    assert {"José", "João", "Conceição", "Gonçalves"} <= set(names.split())
    assert {row["descricao"] for row in day["contratos"]} == {"INDIVIDUAL", "FAMILIAR", "COLETIVO", "ADESÃO"}
    brokers = (folder / "CORRETORES_20261122.txt").read_bytes()
    assert brokers.count(b"\r\n") == brokers.count(b"\n") == len(day["corretores"]) + 2
    with pytest.raises(UnicodeDecodeError):
        brokers.decode("utf-8")


def test_the_values_have_the_variety_that_a_reader_must_stand(day: dict[str, list[Row]]) -> None:
    """Signs, blanks, missing dates and leading zeros all occur: the demo shows what they become."""
    assert {row["ajuste"].compare(0) for row in day["contratos"]} == {-1, 0, 1}
    assert {row["ajuste"].compare(0) for row in day["pagamentos"]} == {-1, 0, 1}
    for name, field in (
        ("contratos", "inicio"),
        ("contratos", "fim"),
        ("clientes", "nascimento"),
        ("clientes", "renda"),
        ("dependentes", "cpf"),
        ("sinistros", "diarias"),
        ("sinistros", "valor_pago"),
    ):
        assert {row[field] is None for row in day[name]} == {True, False}, (name, field)
    assert all(row["numero_contrato"].startswith("000") for row in day["contratos"])


def test_nothing_happens_before_its_time(day: dict[str, list[Row]]) -> None:
    """No date lies after the day, contracts end after they began, and only running ones are paid for or claimed on."""
    running = {row["numero_contrato"] for row in day["contratos"] if row["fim"] is None}
    for row in day["contratos"]:
        assert row["inicio"] is None or row["inicio"] < (row["fim"] or DAY) <= DAY
    for row in day["sinistros"]:
        assert row["ocorrencia"] <= row["aviso"] <= DAY
    assert all(row["pagamento"] <= DAY for row in day["pagamentos"])
    assert {row["numero_contrato"] for name in ("pagamentos", "sinistros") for row in day[name]} <= running


def test_contracts_hold_the_plan_name_cut_to_five_bytes(day: dict[str, list[Row]]) -> None:
    """Why the datasets ask `planos` for BASICO: in `contratos` it never stands whole."""
    names = {row["id_plano"]: row["plano"] for row in day["planos"]}
    assert all(row["plano"] == names[row["id_plano"]][:5] for row in day["contratos"])
    assert {"BASICO", "ESSENCIAL"} <= {names[row["id_plano"]] for row in day["contratos"]}


def test_the_same_call_writes_the_same_bytes_everywhere(folder: Path, tmp_path: Path) -> None:
    """A digest written down once: no version of Python or numpy, no machine and no block size may change it."""
    digest = hashlib.sha256()
    for path in write_sample(tmp_path, DAY, 600):
        digest.update(path.read_bytes())
        assert path.read_bytes() == (folder / path.name).read_bytes()
    assert digest.hexdigest() == "9690e3572970ce96631342e75e6437a804f0a51b853bb042f6619ecc32b14c1b"


def test_blocks_leave_no_trace(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of the blocks that are computed at once changes no byte."""
    monkeypatch.setattr(sample, "BLOCK", 7)
    for path in write_sample(tmp_path, DAY, 600):
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_another_day_is_another_day_of_the_same_company(day: dict[str, list[Row]], tmp_path: Path) -> None:
    """The next day has the same people, contracts and plans, other payments and claims, and ended contracts stay so."""
    tomorrow = DAY + dt.timedelta(days=1)
    write_sample(tmp_path, tomorrow, 600)
    then = {file.name: read(tmp_path, file.name, tomorrow)["detail"] for file in FILES}
    for name in ("clientes", "planos", "corretores", "dependentes"):
        assert then[name] == day[name]
    for before, after in zip(day["contratos"], then["contratos"], strict=True):
        assert {**before, "ajuste": 0, "fim": 0} == {**after, "ajuste": 0, "fim": 0}
        assert before["fim"] is None or before["fim"] == after["fim"]
    for name, key in (("pagamentos", "id_pagamento"), ("sinistros", "id_sinistro")):
        assert not {row[key] for row in day[name]} & {row[key] for row in then[name]}
        assert [row["numero_contrato"] for row in day[name]] != [row["numero_contrato"] for row in then[name]]


def test_another_seed_is_another_company(day: dict[str, list[Row]], tmp_path: Path) -> None:
    """The seed changes who the people are."""
    write_sample(tmp_path, DAY, 600, seed=1)
    assert not {row["cpf"] for row in read(tmp_path, "clientes")["detail"]} & {row["cpf"] for row in day["clientes"]}


def run_datasets(day: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The feed's SQL over the rows, through DuckDB alone."""
    duckdb, sqlglot, pa = (pytest.importorskip(name) for name in ("duckdb", "sqlglot", "pyarrow"))
    tables, results = duckdb.connect(), {}
    for name, rows in day.items():
        tables.register(name, pa.Table.from_pylist(rows))
    for name, dataset in yaml.safe_load((PLANOS / "feed.yaml").read_text())["datasets"].items():
        (sql,) = sqlglot.transpile((PLANOS / dataset["sql"]).read_text(), read="spark", write="duckdb")
        found = tables.sql(sql).to_arrow_table()
        tables.register(name, found)
        assert found.column_names == list(dataset["columns"])
        results[name] = found.to_pylist()
        keys = [tuple(row[key] for key in dataset["key"]) for row in results[name]]
        assert len(set(keys)) == len(keys)
        assert not any(None in key for key in keys)
    return results


def test_datasets_join_all_seven_files_and_lose_nothing(day: dict[str, list[Row]]) -> None:
    """The joins keep each contract that they should exactly once, and sums over the joins are sums over the files."""
    datasets = run_datasets(day)
    basic = {row["id_plano"] for row in day["planos"] if row["plano"] == "BASICO"}
    expected = {
        row["numero_contrato"] for row in day["contratos"] if row["id_plano"] not in basic and row["fim"] is None
    }
    assert 0 < len(expected) < len(day["contratos"])
    assert {row["numero_contrato"] for row in datasets["contratos_ativos"]} == expected
    assert all(None not in (row["corretor"], row["uf"], row["nome_plano"]) for row in datasets["contratos_ativos"])

    movement = datasets["movimento_contratos"]
    assert len(movement) == len(day["contratos"])
    assert {name: sum(row[name] for row in movement) for name in ("dependentes", "pagamentos", "sinistros")} == {
        name: len(day[name]) for name in ("dependentes", "pagamentos", "sinistros")
    }
    assert sum(row["total_pago"] for row in movement) == sum(row["valor"] + row["ajuste"] for row in day["pagamentos"])
    assert sum(row["total_avisado"] for row in movement) == sum(row["valor_avisado"] for row in day["sinistros"])

    summary = datasets["resumo_planos"]
    assert {row["id_plano"]: row["contratos"] for row in summary} == Counter(
        row["id_plano"] for row in day["contratos"] if row["numero_contrato"] in expected
    )
    assert sum(row["total_pago"] for row in summary) == sum(
        row["valor"] + row["ajuste"] for row in day["pagamentos"] if row["numero_contrato"] in expected
    )


def test_one_contract_is_enough_for_every_file_and_dataset(tmp_path: Path) -> None:
    """The smallest sample has a record in each file and a row in each dataset."""
    write_sample(tmp_path, DAY, 1)
    day = {file.name: read(tmp_path, file.name)["detail"] for file in FILES}
    assert all(day.values())
    assert all(run_datasets(day).values())


def test_flaws_change_the_named_lines_and_no_other(folder: Path, tmp_path: Path) -> None:
    """Each flawed file differs from the good one in exactly the lines that the docstring tells of."""
    write_sample(tmp_path, DAY, 600, flaws=True)
    good, bad = (
        {path.name.split("_")[0].lower(): lines(path) for path in where.iterdir()} for where in (folder, tmp_path)
    )
    assert good["planos"] == bad["planos"]
    assert good["corretores"][:-1] == bad["corretores"]
    changed = {
        name: [
            (number, before, after)
            for number, (before, after) in enumerate(zip(good[name], bad[name], strict=True))
            if before != after
        ]
        for name in FLAWS
        if name != "corretores"
    }
    assert {name: len(found) for name, found in changed.items()} == {
        "contratos": 4,
        "clientes": 1,
        "dependentes": 1,
        "pagamentos": 1,
        "sinistros": 1,
    }
    assert [len(after) for _, _, after in changed["contratos"]] == [120, 120, 60, 126]
    assert changed["contratos"][0][2][40:48] == b"20240231"
    assert b"ABC" in changed["contratos"][1][2][48:63]
    with pytest.raises(UnicodeDecodeError):
        changed["clientes"][0][2].decode("utf-8")
    assert changed["dependentes"][0][2][:1] == b"7"
    ((header, _, text),) = changed["pagamentos"]
    assert (header, text[13:21]) == (0, b"20261121")
    ((trailer, before, after),) = changed["sinistros"]
    assert trailer == len(good["sinistros"]) - 1
    assert int(after[13:24]) == int(before[13:24]) + 1_239


@pytest.mark.parametrize(
    ("rows", "date", "flaws"),
    [(0, DAY, False), (-1, DAY, False), (10**9, DAY, False), (9, DAY, True), (10, dt.date(1990, 1, 1), False)],
    ids=["no contracts", "fewer than none", "too many", "too few to spoil", "too long ago"],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(
    rows: int, date: dt.date, flaws: bool, tmp_path: Path
) -> None:
    """A size or date out of bounds is the caller's mistake, said at once."""
    with pytest.raises(UsageError, match="expected"):
        write_sample(tmp_path / "new", date, rows, flaws=flaws)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_files_is_one_clear_error(tmp_path: Path) -> None:
    """A file where the folder should be: our error, with the place and what to do, and the file untouched."""
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(StoreError, match="cannot write the sample"):
        write_sample(tmp_path / "taken", DAY, 10)
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_sample_that_fails_halfway_leaves_nothing_half_written(tmp_path: Path) -> None:
    """Where the last step fails (a folder stands under the file's name) no partial file stays behind."""
    (tmp_path / "PLANOS_20261122.txt").mkdir()
    with pytest.raises(StoreError):
        write_sample(tmp_path, DAY, 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "CLIENTES_20261122.txt",
        "CONTRATOS_20261122.txt",
        "PLANOS_20261122.txt",
    ]
