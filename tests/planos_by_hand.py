"""The demo's files cut by hand, and its datasets made by hand: plain Python with positions of its own.

Nothing here knows the layouts, the SQL or the product's readers. Positions are 0-based, the last exclusive.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Cut = Callable[[str], Any]


def text(value: str) -> str | None:
    """Blanks around it are no part of it."""
    return value.strip(" ") or None


def whole(value: str) -> int | None:
    """A number without decimals."""
    return int(value) if value.strip(" ") else None


def cents(value: str) -> Decimal | None:
    """Two implied decimals; a sign in front or behind."""
    digits = value.strip(" ")
    if not digits:
        return None
    sign = -1 if "-" in digits else 1
    return sign * Decimal(digits.strip("+-")) / 100


def year_first(value: str) -> date | None:
    """20240131; zeros and the end of 9999 mean none."""
    return None if value in ("00000000", "99991231") else _date(value, "%Y%m%d")


def day_first(value: str) -> date | None:
    """31012024."""
    return _date(value, "%d%m%Y")


def _date(value: str, form: str) -> date | None:
    return datetime.strptime(value, form).date() if value.strip(" ") else None  # noqa: DTZ007 - a date has no zone


CUTS: dict[str, list[tuple[str, int, int, Cut]]] = {
    "contratos": [
        ("numero_contrato", 0, 10, text),
        ("plano", 10, 15, text),
        ("descricao", 15, 25, text),
        ("id_plano", 25, 29, text),
        ("cpf", 29, 40, text),
        ("inicio", 40, 48, year_first),
        ("valor", 48, 63, cents),
        ("ajuste", 63, 79, cents),
        ("id_corretor", 79, 85, text),
        ("fim", 85, 93, year_first),
    ],
    "clientes": [
        ("cpf", 1, 12, text),
        ("nome", 12, 62, text),
        ("nascimento", 62, 70, year_first),
        ("sexo", 70, 71, text),
        ("cidade", 71, 101, text),
        ("uf", 101, 103, text),
        ("cep", 103, 111, text),
        ("renda", 111, 122, cents),
        ("cadastro", 122, 130, year_first),
    ],
    "planos": [
        ("id_plano", 1, 5, text),
        ("plano", 5, 15, text),
        ("nome", 15, 55, text),
        ("segmento", 55, 69, text),
        ("acomodacao", 69, 81, text),
        ("mensalidade", 81, 92, cents),
        ("coparticipacao", 92, 97, cents),
        ("carencia", 97, 101, whole),
    ],
    "dependentes": [
        ("numero_contrato", 1, 11, text),
        ("sequencia", 11, 13, whole),
        ("cpf", 13, 24, text),
        ("nome", 24, 74, text),
        ("nascimento", 74, 82, year_first),
        ("parentesco", 82, 92, text),
        ("inclusao", 92, 100, year_first),
    ],
    "pagamentos": [
        ("id_pagamento", 1, 18, text),
        ("numero_contrato", 18, 28, text),
        ("competencia", 28, 34, text),
        ("vencimento", 34, 42, year_first),
        ("pagamento", 42, 50, year_first),
        ("valor", 50, 63, cents),
        ("ajuste", 63, 75, cents),
        ("forma", 75, 83, text),
    ],
    "corretores": [
        ("id_corretor", 1, 7, text),
        ("nome", 7, 67, text),
        ("cnpj", 67, 81, text),
        ("responsavel", 81, 131, text),
        ("uf", 131, 133, text),
        ("comissao", 133, 138, cents),
        ("desde", 138, 146, year_first),
    ],
    "sinistros": [
        ("id_sinistro", 1, 18, text),
        ("numero_contrato", 18, 28, text),
        ("ocorrencia", 28, 36, day_first),
        ("aviso", 36, 44, day_first),
        ("procedimento", 44, 54, text),
        ("descricao", 54, 94, text),
        ("diarias", 94, 97, whole),
        ("valor_avisado", 97, 110, cents),
        ("valor_pago", 110, 123, cents),
        ("situacao", 123, 131, text),
    ],
}
"""The seven files: every field of a detail record. The first four of `contratos` are the article's."""

PERSONAL = {
    "contratos": ("cpf",),
    "clientes": ("cpf", "nome", "nascimento", "cep", "renda"),
    "dependentes": ("cpf", "nome", "nascimento"),
    "corretores": ("responsavel",),
}
"""The fields that the layouts mark as personal."""

ENCODINGS = {"corretores": "cp1252"}


def details(folder: Path, name: str, day: date) -> list[bytes]:
    """The lines between header and trailer, without their ends. Every unit of position is a byte."""
    lines = (folder / f"{name.upper()}_{day:%Y%m%d}.txt").read_bytes().split(b"\n")
    assert lines[-1] == b""
    return [line.removesuffix(b"\r") for line in lines[1:-2]]


def rows(folder: Path, name: str, day: date) -> list[Row]:
    """The values of a file's detail records, in its order."""
    encoding = ENCODINGS.get(name, "utf-8")
    return [
        {field: cut(line[start:stop].decode(encoding)) for field, start, stop, cut in CUTS[name]}
        for line in details(folder, name, day)
    ]


def datasets(folder: Path, day: date) -> dict[str, list[Row]]:
    """The three datasets that the seven files lead to, each in the order of its key."""
    tables = {name: rows(folder, name, day) for name in CUTS}
    lines = [(contract, _place(number, day)) for number, contract in enumerate(tables["contratos"], 2)]
    moved = [_movement(contract, tables) | place for contract, place in lines]
    active = [row | place for contract, place in lines if (row := _active(contract, tables))]
    made = {
        "contratos_ativos": sorted(active, key=lambda row: row["numero_contrato"]),
        "movimento_contratos": sorted(moved, key=lambda row: row["numero_contrato"]),
    }
    return made | {"resumo_planos": _summary(**made)}


def _place(line: int, day: date) -> Row:
    """Where a contract stands in its file, which has a header of one line and records of 120 bytes."""
    return {"_file": f"CONTRATOS_{day:%Y%m%d}.txt", "_line": line, "_byte": (line - 1) * 121}


def _active(contract: Row, tables: dict[str, list[Row]]) -> Row | None:
    """A running contract with its plan, holder and broker; None for one that has ended or has a basic plan."""
    plan = _one(tables["planos"], "id_plano", contract["id_plano"])
    if contract["fim"] is not None or plan["plano"] == "BASICO":
        return None
    holder = _one(tables["clientes"], "cpf", contract["cpf"])
    own = ("numero_contrato", "descricao", "id_plano", "inicio", "valor", "ajuste")
    return {name: contract[name] for name in own} | {
        "plano": plan["plano"],
        "nome_plano": plan["nome"],
        "segmento": plan["segmento"],
        "cpf": "*" * 7 + contract["cpf"][7:],
        "cidade": holder["cidade"],
        "uf": holder["uf"],
        "corretor": _one(tables["corretores"], "id_corretor", contract["id_corretor"])["nome"],
        "mensalidade": contract["valor"] + (contract["ajuste"] or 0),
    }


def _movement(contract: Row, tables: dict[str, list[Row]]) -> Row:
    """What happened to a contract on the day."""
    number = contract["numero_contrato"]
    family, paid, claimed = (
        [row for row in tables[name] if row["numero_contrato"] == number]
        for name in ("dependentes", "pagamentos", "sinistros")
    )
    return {
        "numero_contrato": number,
        "dependentes": len(family),
        "pagamentos": len(paid),
        "total_pago": sum((row["valor"] + (row["ajuste"] or 0) for row in paid), Decimal(0)),
        "ultimo_pagamento": max((row["pagamento"] for row in paid), default=None),
        "sinistros": len(claimed),
        "sinistros_negados": sum(row["situacao"] == "NEGADO" for row in claimed),
        "total_avisado": sum((row["valor_avisado"] for row in claimed), Decimal(0)),
    }


def _summary(contratos_ativos: list[Row], movimento_contratos: list[Row]) -> list[Row]:
    """One row a plan."""
    plans = sorted({(row["id_plano"], row["plano"], row["nome_plano"]) for row in contratos_ativos})
    summary = []
    for plan in plans:
        held = [row for row in contratos_ativos if row["id_plano"] == plan[0]]
        moved = [_one(movimento_contratos, "numero_contrato", row["numero_contrato"]) for row in held]
        summary.append(
            {
                "id_plano": plan[0],
                "plano": plan[1],
                "nome_plano": plan[2],
                "contratos": len(held),
                "dependentes": sum(row["dependentes"] for row in moved),
                "mensalidades": sum(row["mensalidade"] for row in held),
                "total_pago": sum(row["total_pago"] for row in moved),
                "sinistros": sum(row["sinistros"] for row in moved),
                "total_avisado": sum(row["total_avisado"] for row in moved),
                "contrato_mais_antigo": min((row["inicio"] for row in held if row["inicio"]), default=None),
            }
        )
    return summary


def _one(rows: list[Row], field: str, value: str) -> Row:
    found = [row for row in rows if row[field] == value]
    assert len(found) == 1, (field, len(found))
    return found[0]
