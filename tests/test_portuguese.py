"""Every sentence that can reach an alarm is known in Portuguese: those that the code can say, found in the code."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import posicional
from posicional.board.decisions_pt import DECISIONS
from posicional.day.errors_pt import HINTS, MESSAGES, error_in_portuguese, shown
from posicional.day.portuguese import Table, told_behind_its_place
from posicional.day.problems_pt import PROBLEMS, in_portuguese

CODE = Path(posicional.__file__).parent

ERRORS = {
    "SqlError", "DataRefused", "EngineError", "TargetError", "Unreachable", "StoreError", "ObjectMissing",
    "ObjectExists", "UsageError", "PosicionalError",
}  # fmt: skip
"""What raises a message that may end a run or publication, or say that the ledger cannot be read."""

SAID = ("steps/advance.py", "steps/transform.py", "steps/publi*.py", "steps/filling.py", "steps/showing.py",
        "steps/upserting.py", "day/journal.py", "day/series.py", "documents/*.py", "records/blocks.py",
        "records/compressed.py", "sql/checks.py", "sql/protect.py", "sql/resolve.py", "backends/duckdb.py",
        "backends/engines.py", "backends/parts.py", "backends/changes.py", "backends/remember.py", "backends/spark*.py",
        "backends/java.py", "backends/opensearch.py", "backends/bulk.py", "backends/endpoint.py", "backends/sigv4.py",
        "backends/aws.py", "backends/store_*.py")  # fmt: skip
"""Where runs, publications and stores fail. What `posicional check` says of SQL before is quoted in English."""


@dataclass
class Sentences:
    """The texts that a module can say, by what they are given to: `{}` stands for each thing that is put in.

    A name is followed to the texts that the same function gives it.
    """

    tree: ast.Module
    given: dict[str, list[ast.expr]] = field(default_factory=dict)

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """All calls of functions, methods or classes of these names, each with its function's names known."""
        for function in [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]:
            self.given = self._given(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _name(node.func) in names:
                    yield node

    def texts(self, node: ast.expr | None, depth: int = 0) -> list[str]:
        """All texts that an expression can be; none where that cannot be seen."""
        match node:
            case ast.Constant(str(text)):
                return [text]
            case ast.IfExp(body=one, orelse=other):
                return [*self.texts(one, depth), *self.texts(other, depth)]
            case ast.BinOp(left=one, op=ast.Add(), right=other):
                pairs = itertools.product(self.texts(one, depth), self.texts(other, depth))
                return ["".join(pair) for pair in pairs]
            case ast.JoinedStr(values=values):
                pieces = [
                    self.texts(one.value, depth) or ["{}"] if isinstance(one, ast.FormattedValue) else self.texts(one)
                    for one in values
                ]
                return ["".join(words) for words in itertools.product(*pieces)]
            case ast.Call(func=ast.Name(id="_count"), args=[_, ast.Constant(str(thing))]):
                return [f"{{}} {thing}s"]
            case ast.Name(id=name) if name in self.given and depth < 3:
                return [text for value in self.given[name] for text in self.texts(value, depth + 1)]
        return []

    def _given(self, function: ast.FunctionDef) -> dict[str, list[ast.expr]]:
        """Name -> what a function gives it, also several at once: `message, hint = …`, `count, what = counted()`."""
        given: dict[str, list[ast.expr]] = {}
        for node in [node for node in ast.walk(function) if isinstance(node, ast.Assign)]:
            for target in node.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                for value in self._several(node.value) if isinstance(target, ast.Tuple) else [[node.value]]:
                    for one, each in zip(names, value, strict=True):
                        given.setdefault(_name(one), []).append(each)
        return given

    def _several(self, value: ast.expr) -> list[list[ast.expr]]:
        """What several names may be given at once: a tuple, or those that a function of the module returns."""
        if isinstance(value, ast.Tuple):
            return [value.elts]
        called = _name(value.func) if isinstance(value, ast.Call) else ""
        functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef) and node.name == called]
        returned = [node.value for each in functions for node in ast.walk(each) if isinstance(node, ast.Return)]
        return [one.elts for one in returned if isinstance(one, ast.Tuple)]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def modules(*patterns: str) -> list[Sentences]:
    """The modules of these names."""
    paths = [path for pattern in patterns for path in sorted(CODE.glob(pattern))]
    assert len(paths) >= len(patterns)
    return [Sentences(ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def filled(template: str) -> str:
    """A text with a number where something is put in."""
    return template.replace("{}", "7")


def unknown(templates: Sequence[str], *tables: Table) -> list[str]:
    """Those that no table knows. What is made of other texts, or behind a name, is judged where these are."""
    whole = [text for text in templates if not text.endswith((" ", ": {}"))]
    texts = sorted({text for text in whole if re.search("[a-z]", text.replace("{}", ""))})
    return [text for text in texts if all(told_behind_its_place(filled(text), table) is None for table in tables)]


def problems() -> list[str]:
    """Why a file may be refused. (A stream, which is read in Python, is refused in its own words.)"""
    found: list[str] = []
    for module in modules("records/[!s]*.py", "records/sequences.py", "steps/convert.py"):
        for call in module.calls("add", "Unreadable", "FramingLost", "ProblemFact"):
            text = next((word.value for word in call.keywords if word.arg == "text"), None)
            place = {"add": 1, "Unreadable": 0, "FramingLost": 0}.get(_name(call.func), 9)
            found += module.texts(call.args[place] if text is None and len(call.args) > place else text)
    return found


def errors(*patterns: str) -> Iterator[tuple[str, str]]:
    """What an error of some modules may say: `message`, `expected`, `got` or `hint`, and the text."""
    for module in modules(*patterns):
        for call in module.calls(*ERRORS):
            words = {word.arg or "": word.value for word in call.keywords} | dict(zip(["message"], call.args))  # noqa: B905
            yield from _worded(
                module, {name: words[name] for name in ("message", "expected", "got", "hint") if name in words}
            )
        for call in module.calls("fault"):  # of a query
            yield from _worded(module, dict(zip(("", "message", "hint"), call.args)))  # noqa: B905
        for call in module.calls("append"):  # one of several reasons
            yield from _worded(module, {"message": call.args[0]})
        for call in module.calls("Silent"):
            yield from _worded(module, {"message": call.args[1]})
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):  # a run's status and reason
                yield from _worded(module, {"message": node.value.elts[-1]})
            if isinstance(node, ast.Assign) and [_name(one) for one in node.targets] in (["_HINTS"], ["CROWDED"]):
                pairs = node.value.values if isinstance(node.value, ast.Dict) else [node.value]
                for pair in pairs:
                    both = pair.elts if isinstance(pair, ast.Tuple) else [pair]
                    yield from _worded(module, dict(zip(("message", "hint")[-len(both) :], both)))  # noqa: B905


def _worded(module: Sentences, words: Mapping[str, ast.expr]) -> Iterator[tuple[str, str]]:
    return ((name, text) for name, node in words.items() if name for text in module.texts(node))


def test_every_reason_of_a_refusal() -> None:
    """Whatever a file may be refused for."""
    assert len(problems()) > 30
    assert unknown(problems(), PROBLEMS) == []


def test_every_reason_of_a_failure() -> None:
    """Whatever a run or a publication may fail with, and what a store may answer; with what to do."""
    found = [*errors(*SAID)]
    messages = [text for what, text in found if what != "hint"]
    hints = [text for what, text in found if what == "hint"]
    assert (len(messages) > 60, len(hints) > 30) == (True, True)
    assert unknown(messages, MESSAGES, HINTS) == []
    assert unknown(hints, HINTS) == []


def test_every_answer_to_a_decision() -> None:
    """Whatever is recorded, already so, or makes no sense."""
    decided = ("steps/decide.py", "steps/quiet.py", "board/actions.py")
    refused = [text for _, text in errors(*decided, "steps/days.py")]
    answers = [
        text
        for module in modules(*decided)
        for call in module.calls("_About", "Answer")
        for text in module.texts(call.args[1 if _name(call.func) == "Answer" else 0])
    ]
    assert (len(refused) > 25, len(answers) > 8) == (True, True)
    assert unknown([*refused, *answers], DECISIONS) == []


@pytest.mark.parametrize("table", [PROBLEMS, MESSAGES, HINTS, DECISIONS])
def test_what_is_put_in_stands_on_both_sides(table: Table) -> None:
    """Nothing that an English sentence says is left out, nothing is asked for that it does not say."""
    for english, portuguese in table.items():
        assert set(re.findall(r"\{(\w+)", english)) == set(re.findall(r"\{(\w+)\}", portuguese)), english


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        pytest.param(
            "a.sql:4: column 8: there is no column 'numero_do_contrato' -> did you mean numero or numero_contrato?",
            "a.sql:4: coluna 8: não há a coluna 'numero_do_contrato' (seria numero ou numero_contrato?)",
            id="wrong SQL",
        ),
        pytest.param(
            "sql/ativos.sql: dataset ativos: 1 row has a null in it and 3 values of it stand in 7 rows; expected the "
            "key (numero) to be unique and never null -> look for a join that matches several rows, or name more "
            "columns in key:",
            "sql/ativos.sql: dataset ativos: 1 linha tem a chave vazia e 3 valores da chave se repetem em 7 linhas; "
            "esperado: a chave (numero) única e nunca vazia (procurar um join que encontra várias linhas, ou pôr mais "
            "colunas em key:)",
            id="a key",
        ),
        pytest.param(
            "feed.yaml: dataset a: 2 rows in sql/e.sql: x line 4, x line 9; dataset b: 1 row in sql/f.sql; expected "
            "these queries to give no row -> correct the data and send it again, or the query",
            "feed.yaml: dataset a: 2 linhas em sql/e.sql: x linha 4, x linha 9; dataset b: 1 linha em sql/f.sql; "
            "esperado: nenhuma linha nestas consultas (corrigir os dados e reenviar, ou corrigir a consulta)",
            id="expectations",
        ),
        pytest.param(
            "http://127.0.0.1:9200 c-2026-11-22-0001: the index does not hold what was sent; expected 12 documents, "
            "got 11 -> run the command again; if it stays so, look at the cluster's log",
            "http://127.0.0.1:9200 c-2026-11-22-0001: o índice não tem o que foi enviado; esperado: 12 documentos; "
            "veio: 11 (rodar o comando de novo; se continuar, ver o log do cluster)",
            id="a count",
        ),
        pytest.param(
            "/dados: the disk is full -> make room, then run the command again",
            "/dados: o disco está cheio (liberar espaço, depois rodar o comando de novo)",
            id="a disk",
        ),
        pytest.param(
            "somebody thought of something new -> look there",
            "o programa diz, em inglês: somebody thought of something new (look there)",
            id="not known",
        ),
    ],
)
def test_an_error_is_told_as_a_sentence(english: str, portuguese: str) -> None:
    """Where it is stays in front, what to do comes in brackets; a foreign sentence says that it is one."""
    assert error_in_portuguese(english) == portuguese


def test_the_path_of_a_part_stays_in_front() -> None:
    """Of a file in parts each problem names its part."""
    assert in_portuguese("P-1_20261122.txt: the trailer (line 9) says 1745 records of a, b, 506 were read") == (
        "P-1_20261122.txt: o trailer (linha 9) diz 1745 registros de a, b, foram lidos 506"
    )


def test_no_arrow_is_left() -> None:
    """An arrow is what the alarm itself asks for: a line has one at most, in either language."""
    assert shown("a: b -> c") == "a: b (c)"
    assert "->" not in error_in_portuguese("a: the disk is full -> remove the link")
