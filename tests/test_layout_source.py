"""Layouts: what the words of the YAML come to mean. What they must not say is under tests/cases/contract."""

from __future__ import annotations

import pickle
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from posicional.contract import codepage
from posicional.contract.layout import Check, Control, Field, Layout, Match, Sequence, When
from posicional.contract.layout_source import layout_of
from posicional.contract.source import Document, parse_document
from posicional.errors import ContractError, UsageError

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(text: str) -> Layout:
    """A layout from YAML text; its faults are the test's failure."""
    document = parse_document(text, Document("layout.yaml"))
    layout = layout_of(document, "made")
    assert layout is not None, list(map(str, document.faults))
    return layout


def faults(text: str) -> list[str]:
    """The faults of a layout, without their hints."""
    document = parse_document(text, Document("layout.yaml"))
    layout_of(document, "made")
    return [f"{fault.path}: {fault.message}" for fault in sorted(document.faults)]


def field(words: str) -> Field:
    """The only field of a layout."""
    return load(f"fields: [{{name: x, {words}}}]").kinds[0].fields[0]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("**/*layout*/*.yaml")), ids=lambda path: path.stem)
def test_every_example_loads(path: Path) -> None:
    """The examples that people copy are layouts, and what they load to is a value."""
    layout = Layout.load(path)
    assert layout.name == path.stem
    assert pickle.loads(pickle.dumps(layout)) == layout  # noqa: S301  # what we pickled ourselves


def test_positions_are_offsets_and_widths_follow_one_another() -> None:
    """The article's fields: one by its positions, the others behind it, filler to the record's end."""
    layout = load(
        """
        record: {length: 40}
        fields:
          - {name: numero_contrato, pos: [1, 10], type: string, required: true}
          - {name: plano, width: 5, type: string}
          - {filler: 10}
          - {name: id_plano, pos: [26, 29], type: string, personal: true}
          - {filler: rest}
        """
    )
    (kind,) = layout.kinds
    assert (kind.name, kind.role, kind.length, kind.when) == ("detail", "detail", 40, When())
    assert kind.fields == (
        Field("numero_contrato", 0, 10, "string", required=True),
        Field("plano", 10, 5, "string"),
        Field("id_plano", 25, 4, "string", personal=True),
    )


def test_a_record_without_a_length_is_as_long_as_its_fields() -> None:
    """Nothing needs to be said twice; columns stand in the order of their positions."""
    layout = load("fields: [{name: b, pos: [4, 9], type: string}, {name: a, pos: [1, 3], type: string}]")
    assert [kind.length for kind in layout.kinds] == [9]
    assert [one.name for one in layout.kinds[0].fields] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            "width: 5, type: string, trim: none, enum: [A, B]", {"trim": "none", "enum": ("A", "B")}, id="text"
        ),
        pytest.param("width: 5, type: integer", {"digits": 5}, id="integer"),
        pytest.param("width: 5, type: integer, sign: leading", {"digits": 4, "sign": "leading"}, id="signed"),
        pytest.param("width: 5, type: integer, sign: overpunch", {"digits": 5, "sign": "overpunch"}, id="overpunch"),
        pytest.param("width: 15, type: decimal, scale: 2", {"digits": 15, "scale": 2}, id="decimal"),
        pytest.param(
            'width: 9, type: decimal, scale: 2, point: ",", sign: trailing',
            {"digits": 7, "scale": 2, "point": ",", "sign": "trailing"},
            id="with a point",
        ),
        pytest.param("width: 60, type: integer, digits: 38", {"digits": 38}, id="padded far"),
        pytest.param(
            "width: 3, type: integer, usage: packed", {"digits": 5, "usage": "packed", "sign": "trailing"}, id="packed"
        ),
        pytest.param(
            "width: 3, type: decimal, scale: 2, digits: 4, usage: packed, sign: none",
            {"digits": 4, "scale": 2, "usage": "packed"},
            id="packed without sign",
        ),
        pytest.param(
            "width: 2, type: integer, usage: binary", {"digits": 5, "usage": "binary", "sign": "leading"}, id="binary"
        ),
        pytest.param(
            "width: 8, type: integer, usage: binary, sign: none", {"digits": 20, "usage": "binary"}, id="unsigned"
        ),
        pytest.param('width: 8, type: date, format: "%Y%m%d"', {"format": "%Y%m%d"}, id="date"),
        pytest.param(
            'width: 6, type: date, format: "%d%m%y", century: {pivot: 50}',
            {"format": "%d%m%y", "pivot": 50},
            id="short year",
        ),
        pytest.param('width: 6, type: date, format: "%Y%m"', {"format": "%Y%m"}, id="month"),
        pytest.param('width: 5, type: time, format: "%H:%M"', {"format": "%H:%M"}, id="time"),
        pytest.param(
            'width: 17, type: timestamp, format: "%Y%m%d%H%M%S%f"', {"format": "%Y%m%d%H%M%S%f"}, id="thousandths"
        ),
        pytest.param(
            "width: 1, type: boolean, true: S, false: [N, X]", {"true": ("S",), "false": ("N", "X")}, id="boolean"
        ),
        pytest.param("width: 4, type: bytes", {}, id="bytes"),
        pytest.param("width: 4, type: integer, repeat: 12", {"digits": 4, "repeat": 12}, id="repeated"),
        pytest.param(
            "width: 3, type: integer, min: -5, max: 10", {"digits": 3, "minimum": -5, "maximum": 10}, id="bounds"
        ),
        pytest.param(
            "width: 5, type: decimal, scale: 2, min: 0.10, max: 9",
            {"digits": 5, "scale": 2, "minimum": Decimal("0.10"), "maximum": Decimal(9)},
            id="decimal bounds",
        ),
        pytest.param(
            'width: 8, type: date, format: "%Y%m%d", min: 2000-01-01, max: "2030-12-31"',
            {"format": "%Y%m%d", "minimum": date(2000, 1, 1), "maximum": date(2030, 12, 31)},
            id="date bounds",
        ),
        pytest.param(
            'width: 4, type: time, format: "%H%M", max: "18:30"',
            {"format": "%H%M", "maximum": "18:30:00"},
            id="time bounds",
        ),
        pytest.param(
            'width: 14, type: timestamp, format: "%Y%m%d%H%M%S", min: "2026-11-22 08:00"',
            {"format": "%Y%m%d%H%M%S", "minimum": datetime(2026, 11, 22, 8, 0)},  # noqa: DTZ001  # a wall clock
            id="timestamp bounds",
        ),
    ],
)
def test_a_field_means_what_its_words_say(words: str, expected: dict[str, Any]) -> None:
    """Every type with its words; digits come from the width, less sign and point."""
    found = field(words)
    assert found == Field("x", 0, found.width, found.type, **expected)


@pytest.mark.parametrize(
    ("pic", "expected"),
    [
        ("X(10)", Field("x", 0, 10, "string")),
        ("XXX", Field("x", 0, 3, "string")),
        ("A(5)", Field("x", 0, 5, "string")),
        ("9(8)", Field("x", 0, 8, "integer", digits=8)),
        ("9(13)V99", Field("x", 0, 15, "decimal", digits=15, scale=2)),
        ("999V9(3)", Field("x", 0, 6, "decimal", digits=6, scale=3)),
        ("V99", Field("x", 0, 2, "decimal", digits=2, scale=2)),
        ("S9(5)", Field("x", 0, 5, "integer", digits=5, sign="overpunch")),
        ("S9(5) SIGN IS TRAILING", Field("x", 0, 5, "integer", digits=5, sign="overpunch")),
        ("S9(5)V99 SIGN LEADING SEPARATE", Field("x", 0, 8, "decimal", digits=7, scale=2, sign="leading")),
        ("s9(5) sign trailing separate character", Field("x", 0, 6, "integer", digits=5, sign="trailing")),
        ("S9(7)V99 COMP-3", Field("x", 0, 5, "decimal", 9, 2, sign="trailing", usage="packed")),
        ("9(8) PACKED-DECIMAL", Field("x", 0, 5, "integer", 8, usage="packed")),
        ("S9(4) COMP", Field("x", 0, 2, "integer", 4, sign="leading", usage="binary")),
        ("S9(9) USAGE IS BINARY.", Field("x", 0, 4, "integer", 9, sign="leading", usage="binary")),
        ("9(18) COMP-4", Field("x", 0, 8, "integer", 18, usage="binary")),
        ("PIC 9(3)", Field("x", 0, 3, "integer", digits=3)),
    ],
    ids=str,
)
def test_a_picture_says_type_width_digits_and_sign(pic: str, expected: Field) -> None:
    """COBOL's clauses as they stand in copybooks."""
    assert field(f'pic: "{pic}"') == expected


def test_a_pictures_type_may_be_said_otherwise() -> None:
    """A code of digits is text, and eight digits may be a date."""
    assert field("pic: 9(6), type: string") == Field("x", 0, 6, "string")
    assert field('pic: 9(8), type: date, format: "%Y%m%d"') == Field("x", 0, 8, "date", format="%Y%m%d")


def test_missing_is_said_for_the_layout_a_type_or_a_field() -> None:
    """The nearest word counts; spellings that are too long for a field are not its own."""
    layout = load(
        """
        missing: ["-", "NULL"]
        defaults: {date: {missing: ["00000000"], format: "%Y%m%d"}, integer: {required: true, sign: leading}}
        fields:
          - {name: text, width: 3, type: string}
          - {name: day, width: 8, type: date}
          - {name: own, width: 8, type: date, missing: ["99991231"]}
          - {name: none, width: 8, type: date, missing: []}
          - {name: number, width: 4, type: integer, required: false}
          - {name: packed, width: 4, type: decimal, scale: 2, usage: packed}
          - {name: raw, width: 4, type: bytes}
        """
    )
    found = {one.name: one for one in layout.kinds[0].fields}
    assert {name: one.missing for name, one in found.items()} == {
        "text": ("-",),
        "day": ("00000000",),
        "own": ("99991231",),
        "none": (),
        "number": ("-", "NULL"),
        "packed": (),
        "raw": (),
    }
    assert (found["number"].sign, found["number"].required) == ("leading", False)


def test_a_group_of_fields_repeats() -> None:
    """Positions inside count from the start of an occurrence; the record's `pos` takes in all of them."""
    layout = load(
        """
        record: {length: 32}
        fields:
          - {name: id, width: 2, type: string}
          - name: parcelas
            pos: [3, 32]
            repeat: 3
            personal: true
            fields: [{name: data, width: 8, type: date, format: "%Y%m%d"}, {filler: rest}]
        """
    )
    assert layout.kinds[0].fields[1] == Field(
        "parcelas",
        2,
        10,
        "group",
        repeat=3,
        personal=True,
        fields=(Field("data", 0, 8, "date", format="%Y%m%d", personal=True),),
    )


CNAB = """
encoding: cp1252
record: {length: 40, short: pad}
records:
  header:
    when: {pos: [8, 8], is: "0"}
    fields:
      - {filler: 8}
      - {name: banco, width: 3, type: string}
      - {name: dia, width: 8, type: date, format: "%d%m%Y"}
      - {filler: rest}
    check: [{field: dia, equals: date}, {field: banco, equals: "341"}]
  lote: {when: {pos: [8, 8], is: "1"}, opens: lote, fields: [{filler: rest}]}
  segmento_p:
    when: [{pos: [8, 8], is: "3"}, {pos: [14, 14], is: [P, p]}]
    sequence: {pos: [9, 13], per: lote}
    fields: [{filler: 14}, {name: valor, width: 15, type: decimal, scale: 2}, {filler: rest}]
  segmento_q:
    when: [{pos: [8, 8], is: "3"}, {pos: [14, 14], hex: "51"}]
    fields: [{filler: 14}, {name: nome, width: 26, type: string}]
  fim_lote:
    when: {pos: [8, 8], is: "5"}
    closes: lote
    table: true
    fields: [{filler: 8}, {name: registros, width: 6, type: integer}, {filler: rest}]
    controls:
      - {count: all, field: registros}
      - {sum: segmento_p.valor, pos: [15, 32], zero: unfilled}
  trailer:
    when: {pos: [8, 8], is: "9"}
    controls:
      - {count: group, pos: [9, 14]}
      - {count: [segmento_p, segmento_q], pos: [15, 20]}
      - {count: detail, pos: [21, 26]}
"""


def test_kinds_have_roles_conditions_groups_and_controls() -> None:
    """A file like a bank's CNAB: header, groups with totals, two segments, trailer."""
    layout = load(CNAB)
    kinds = {kind.name: kind for kind in layout.kinds}
    assert {name: (kind.role, kind.opens, kind.closes) for name, kind in kinds.items()} == {
        "header": ("header", "", ""),
        "lote": ("header", "lote", ""),
        "segmento_p": ("detail", "", ""),
        "segmento_q": ("detail", "", ""),
        "fim_lote": ("trailer", "", "lote"),
        "trailer": ("trailer", "", ""),
    }
    assert kinds["header"].checks == (Check("dia", "date", is_date=True), Check("banco", "341"))
    assert kinds["segmento_p"].when == When((Match(7, 1, (b"3",)), Match(13, 1, (b"P", b"p"))))
    assert kinds["segmento_q"].when == When((Match(7, 1, (b"3",)), Match(13, 1, (b"Q",))))
    assert kinds["segmento_p"].sequence == Sequence(Field("9-13", 8, 5, "integer", 5), 1, "lote")
    registros, total = kinds["fim_lote"].controls
    assert registros == Control("count", "all", (), "", Field("registros", 8, 6, "integer", 6))
    valor = Field("15-32", 14, 18, "decimal", 18, 2)
    assert total == Control("sum", "kinds", (), "segmento_p.valor", valor, zero_unfilled=True)
    assert [(control.of, control.kinds) for control in kinds["trailer"].controls] == [
        ("group", ()),
        ("kinds", ("segmento_p", "segmento_q")),
        ("detail", ()),
    ]
    assert list(layout.tables("remessa")) == ["remessa_segmento_p", "remessa_segmento_q", "remessa_fim_lote"]


def test_conditions_are_bytes_of_the_encoding() -> None:
    """In EBCDIC the digit 1 is F1; characters of UTF-8 may take several bytes."""
    records = 'records: {a: {when: {pos: [1, 2], is: "1ç"}, fields: [{name: x, width: 4, type: string}]}}'
    assert load(f"encoding: cp037\n{records}").kinds[0].when.matches[0].values == (b"\xf1\x48",)
    assert load(f"unit: chars\n{records}").kinds[0].when.matches[0].values == ("1ç".encode(),)
    assert faults(records) == ["records.a.when.is: '1ç' takes 3 positions; pos has 2"]


@pytest.mark.parametrize(
    ("said", "known"),
    [("Latin-1", "iso8859-1"), ("windows-1252", "cp1252"), ("CP037", "cp037"), ("cp1047", "cp1047"), ("UTF8", "utf-8")],
)
def test_encodings_have_one_name(said: str, known: str) -> None:
    """However a layout spells it, the reader meets Python's name; cp1047 is known though Python lacks it."""
    assert load(f"encoding: {said}\nfields: [{{name: x, width: 1, type: string}}]").encoding == known


def test_a_code_page_is_what_its_table_says() -> None:
    """Text becomes the bytes of the page, or it is an error; cp1047 has its brackets where Unix has them."""
    assert codepage.encode("[é]", "cp1047") == b"\xad\x51\xbd"
    assert sorted(codepage.table("cp1047")) == sorted(codepage.table("cp037"))
    with pytest.raises(ValueError, match="not every character"):
        codepage.encode("漢", "cp1252")


# --- digest -----------------------------------------------------------------------------------------------------------


def test_the_digest_is_of_the_meaning() -> None:
    """Comments, order of words and kinds, spelling of positions and a default said out loud do not change it."""
    first = load(
        """
        encoding: latin-1
        records:
          header: {when: {pos: [1, 1], is: "0"}, fields: [{name: a, width: 4, type: string}]}
          detail: {when: {pos: [1, 1], is: "1"}, fields: [{name: a, width: 2, type: string}, {filler: 2}]}
        """
    )
    second = load(
        """
        # the same
        record: {framing: newline, length: 4}
        records:
          detail:
            fields: [{trim: both, type: string, pos: [1, 2], name: a, required: false}, {filler: rest}]
            when: [{is: ["1"], pos: [1, 1]}]
          header: {when: {hex: "30", pos: [1, 1]}, role: header, fields: [{pos: [1, 4], name: a, type: string}]}
        encoding: iso-8859-1
        """
    )
    assert first.digest == second.digest


def test_the_digest_changes_with_the_meaning() -> None:
    """Every one of these reads some file differently."""
    texts = [
        "fields: [{name: a, width: 2, type: string}]",
        "fields: [{name: b, width: 2, type: string}]",
        "fields: [{name: a, width: 3, type: string}]",
        "fields: [{name: a, width: 2, type: integer}]",
        "fields: [{name: a, width: 2, type: string, required: true}]",
        "fields: [{name: a, width: 2, type: string, missing: '.'}]",
        "fields: [{name: a, width: 2, type: string, personal: true}]",
        "fields: [{name: a, width: 2, type: string}, {filler: 1}]",
        "encoding: cp1252\nfields: [{name: a, width: 2, type: string}]",
        "record: {short: pad}\nfields: [{name: a, width: 2, type: string}]",
        "unit: chars\nfields: [{name: a, width: 2, type: string}]",
    ]
    assert len({load(text).digest for text in texts}) == len(texts)


def test_the_digest_stays_from_version_to_version() -> None:
    """It stands in the ledger: were it to change by itself, every file of every feed would be read again."""
    assert load(CNAB).digest == "246b46ba7c3dc39fbcd7ac8e898b239cabf70dc4dcd35f22f208cc76fc765eca"


# --- laws -------------------------------------------------------------------------------------------------------------

widths = st.lists(st.integers(1, 20), min_size=1, max_size=40)


@given(widths)
def test_widths_and_positions_say_the_same(sizes: list[int]) -> None:
    """A layout written in widths alone is the one written in positions."""
    by_width, by_position, start = [], [], 1
    for number, size in enumerate(sizes):
        words = {"name": f"f{number}", "type": "string"}
        by_width.append({**words, "width": size})
        by_position.append({**words, "pos": [start, start + size - 1]})
        start += size
    record = {"length": sum(sizes)}
    one = load(yaml.safe_dump({"record": record, "fields": by_width}))
    other = load(yaml.safe_dump({"record": record, "fields": by_position}))
    assert one.kinds == other.kinds
    assert one.digest == other.digest


@given(widths, st.data())
def test_a_wrong_width_is_found_with_the_kind_and_the_sum(sizes: list[int], data: st.DataObject) -> None:
    """However many fields there are, and wherever the wrong one stands."""
    length = sum(sizes)
    place = data.draw(st.integers(0, len(sizes) - 1))
    wrong = data.draw(st.integers(1, 30).filter(lambda size: size != sizes[place]))
    sizes[place] = wrong
    fields = [{"name": f"f{number}", "type": "string", "width": size} for number, size in enumerate(sizes)]
    text = yaml.safe_dump({"records": {"pagamento": {"length": length, "fields": fields}}})
    (found,) = faults(text)
    assert found.startswith(f"records.pagamento.fields: kind pagamento covers {sum(sizes)} of {length}: ")


words_of_yaml = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["fields", "records", "detail", "when", "pos", "is", "name", "width", "type", "pic", "controls"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(words_of_yaml)
def test_no_yaml_ends_in_anything_but_faults(value: Any) -> None:
    """Whatever the YAML says, it is a layout or has at least one fault."""
    document = parse_document(yaml.safe_dump(value, allow_unicode=True), Document("layout.yaml"))
    assert (layout_of(document, "made") is None) == bool(document.faults)


@given(st.text(alphabet="fields: [{name: a, width3}]\n\t-&*!%'\"#|>\x00é", max_size=60))
def test_no_text_ends_in_anything_but_faults(text: str) -> None:
    """Nor does any text that is hardly YAML."""
    document = parse_document(text, Document("layout.yaml"))
    assert (layout_of(document, "made") is None) == bool(document.faults)


# --- files ------------------------------------------------------------------------------------------------------------


def test_files_that_cannot_be_read_are_one_clear_error(tmp_path: Path) -> None:
    """No such file, a directory, bytes that are no UTF-8."""
    with pytest.raises(UsageError, match="no such file"):
        Layout.load(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="a directory"):
        Layout.load(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"fields:\n  - {name: \xe7}\n")
    with pytest.raises(ContractError) as caught:
        Layout.load(latin)
    assert [(fault.line, fault.message) for fault in caught.value.faults] == [(2, "the file is not UTF-8")]


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbffields: [{name: a, width: 2, type: string}]\r\n")
    assert Layout.load(path).kinds[0].length == 2
