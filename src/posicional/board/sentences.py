"""Sentences of facts and reports as a page tells them: as they are, or in Portuguese where that is known."""

from __future__ import annotations

from posicional.board.decisions_pt import DECISIONS
from posicional.day.errors_pt import error_in_portuguese
from posicional.day.portuguese import Table, told
from posicional.day.problems_pt import PROBLEMS, in_portuguese
from posicional.errors import PosicionalError

_NEXT: Table = {
    "read arrival {number} of {file}": "ler a chegada {number} de {file}",
    "all files are here: a run": "todos os arquivos chegaram: uma execução",
    "publish run {number} at {target}": "publicar a execução {number} em {target}",
    "nothing; {rest+}": "nada; {rest}",
    "{count} of {of} files missing: {names+}": "faltam {count} de {of} arquivos: {names}",
    "for {names} until {at}": "esperar por {names} até {at}",
    "held: {why+}": "segurado: {why}",
    "skipped: {why+}": "dispensado: {why}",
    "another attempt at the {what}, not before {at}": "outra tentativa de {what}, não antes de {at}",
    "run {number} is live, claimed by {who}; its lease ends {at} UTC": (
        "a execução {number} está em andamento, por {who} (até {at} UTC)"
    ),
    "publication {number} is live, claimed by {who}; its lease ends {at} UTC": (
        "a publicação {number} está em andamento, por {who} (até {at} UTC)"
    ),
    "run {number} failed: {why+}": "a execução {number} falhou: {why}",
    "publication {number} failed: {why+}": "a publicação {number} falhou: {why}",
    "run {number} is current and published at {target}": "a execução {number} é a atual e está publicada em {target}",
    "run {number} is current by a rollback and published at {target}": (
        "a execução {number} é a atual, por uma volta decidida, e está publicada em {target}"
    ),
    "run {number} is current": "a execução {number} é a atual",
    "nothing to do": "nada a fazer",
    "run": "execução",
    "publication": "publicação",
    "the contract has changed since; process the day anew with: posicional run … --again": (
        "o contrato mudou depois; para processar o dia de novo: posicional run … --again"
    ),
    "readers are to see run {number} until a run after {last} succeeds": (
        "os leitores veem a execução {number} até que uma posterior à {last} seja concluída"
    ),
    "{file}, arrival {number}": "{file}, chegada {number}",
    "{file}, arrival {number}, line {line}": "{file}, chegada {number}, linha {line}",
    # What people have not heard of.
    "nobody is told until {at}: {why+}": "ninguém é avisado até {at}: {why}",
    "alert {condition} {number} was not sent: silent until {at} UTC": (
        "o alerta {condition} {number} não foi enviado: ninguém é avisado até {at} UTC"
    ),
    "alert {condition} {number} has not reached {channel}: {why} (attempt {tries}, {next})": (
        "o alerta {condition} {number} não chegou a {channel}: {why} (tentativa {tries}, {next})"
    ),
    "the next after {at} UTC": "a próxima depois de {at} UTC",
    "given up": "não se tenta mais",
    "no connection": "sem conexão",
    "not taken": "não foi aceito",
    "refused: HTTP {code}": "recusado: HTTP {code}",
    "no answer in {seconds} s": "sem resposta em {seconds} s",
    "publication {number} at {target} {status}: {why+}": "publicação {number} em {target}: {status}: {why}",
}

_ANSWERS: Table = {**DECISIONS, **PROBLEMS}


def sentence(text: str, language: str) -> str:
    """One sentence in a language; itself where it is not known."""
    if language == "en":
        return text
    return told(text, _NEXT) or (in_portuguese(text) if told_by_problems(text) else error_in_portuguese(text))


def answered(text: str, language: str) -> str:
    """What became of a decision, in a language."""
    return text if language == "en" else _answer(text) or text


def _answer(text: str) -> str | None:
    """An answer in Portuguese; the first of a file's problems may stand in it, and the others behind it."""
    first, *more = text.split("; ")
    if (said := told(first, _ANSWERS)) is None:  # one of which the semicolon is a part
        return told(text, _ANSWERS)
    return "; ".join([said, *map(in_portuguese, more)])


def refused(error: PosicionalError, language: str) -> str:
    """Why a decision was not taken, in a language."""
    message = _answer(error.message)
    if language == "en" or message is None:
        return sentence(str(error), language)
    expected, hint = (_answer(text) or text for text in (error.expected, error.hint))
    text = f"{error.where}: {message}" if error.where else message
    text += f"; esperado: {expected}" if expected else ""
    return f"{text} ({hint})" if hint else text


def told_by_problems(text: str) -> bool:
    """Whether it is a reason for which a file was refused."""
    return in_portuguese(text) != text or told(text, PROBLEMS) is not None
