"""The feeds beside the demo's: a small one with secrets, and one whose keys hold accents and blanks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from worlds import FEED, write_feed

NOW = datetime.now(UTC)

ZONE = f"Etc/GMT{NOW.hour - 12:+d}"
"""Where it is about noon now (such a name has its sign the other way round): no deadline of ours is near midnight."""

PASSWORD = "uma senha que ninguem ve"  # noqa: S105 - of a door that the tests make
HASH_KEY = "uma chave que ninguem conhece"

NOTAS = {"CONTRATOS_": "Relação de contratos ", "CLIENTES_": "clientes + titulares "}
"""What keys begin with: accents, blanks, and a sign that S3 writes in its own way in its events."""


def today() -> date:
    """The business date whose deadline comes while the tests go on."""
    return datetime.now(ZoneInfo(ZONE)).date()


def write_saude(folder: Path, due_in: timedelta) -> Path:
    """Two files, due soon; a hash and a password that only the job knows. The feed.yaml."""
    text = _due(due_in).replace("CONTRATOS_", "SAUDE_CONTRATOS_").replace("CLIENTES_", "SAUDE_CLIENTES_")
    text = text.replace("    key: [numero]\n", "    key: [numero]\n    protect: {cpf: hmac}\n")
    write_feed(folder, feed=text + _PUBLISH, ativos=_ATIVOS)
    return folder / "feed.yaml"


def write_notas(folder: Path, due_in: timedelta) -> Path:
    """Two files, due soon, published nowhere. The feed.yaml."""
    text = _due(due_in).replace("feed: saude", "feed: notas")
    for old, new in NOTAS.items():
        text = text.replace(old, new)
    write_feed(folder, feed=text)
    return folder / "feed.yaml"


def _due(due_in: timedelta) -> str:
    due = datetime.now(ZoneInfo(ZONE)) + due_in
    text = FEED.replace("America/Sao_Paulo", ZONE).replace('    expected_by: "09:30"\n', "")
    return text.replace('deadline: "12:00"', f'deadline: "{due:%H:%M}"')


_PUBLISH = """\
publish:
  opensearch:
    url: ${OPENSEARCH_URL}
    auth: {user: posicional, password: "${OPENSEARCH_PASSWORD:-}"}
    datasets: {ativos: {index: saude-ativos}}
"""

_ATIVOS = """\
select c.numero, c.plano, c.cpf, l.uf
from contratos c join clientes l on l.cpf = c.cpf
where c.plano <> 'BASICO'
"""
