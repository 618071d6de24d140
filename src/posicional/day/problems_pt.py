"""Why a file was refused, in Portuguese: the sentences of facts, which are English, for the people who send the files.

A sentence that is not known here stays as it is: better a foreign word than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_WHERE = r"\(line (?P<line>\d+)\)"
_SAID = r"(?P<said>another figure|\S+)"

_SENTENCES: Mapping[str, str] = {
    rf"the (?P<kind>.+) {_WHERE} says {_SAID} records, (?P<read>\d+) were read": (
        "o {kind} (linha {line}) diz {said} registros, foram lidos {read}"
    ),
    rf"the (?P<kind>.+) {_WHERE} says {_SAID} detail records, (?P<read>\d+) were read": (
        "o {kind} (linha {line}) diz {said} registros de detalhe, foram lidos {read}"
    ),
    rf"the (?P<kind>.+) {_WHERE} says {_SAID} groups, (?P<read>\d+) were read": (
        "o {kind} (linha {line}) diz {said} grupos, foram lidos {read}"
    ),
    rf"the (?P<kind>.+) {_WHERE} says {_SAID} records of (?P<of>.+), (?P<read>\d+) were read": (
        "o {kind} (linha {line}) diz {said} registros de {of}, foram lidos {read}"
    ),
    rf"the (?P<kind>.+) {_WHERE} says {_SAID} for the sum of (?P<of>.+), the records read add up to (?P<read>.+)": (
        "o {kind} (linha {line}) diz {said} para a soma de {of}, os registros lidos somam {read}"
    ),
    rf"the (?P<kind>.+) {_WHERE} says {_SAID} for the sum of (?P<of>.+), but (?P<read>\d+) of its records are .+": (
        "o {kind} (linha {line}) diz {said} para a soma de {of}, mas {read} dos seus registros foram rejeitados"
    ),
    rf"the (?P<kind>.+) {_WHERE} says (?P<of>\S+) (?P<said>.+), expected (?P<expected>.+)": (
        "o {kind} (linha {line}) diz {of} {said}, esperado {expected}"
    ),
    rf"the (?P<kind>.+) {_WHERE} cannot be read: see the rejects": (
        "o {kind} (linha {line}) não pode ser lido: veja os rejeitados"
    ),
    rf"the (?P<kind>.+) {_WHERE} is not at the beginning": "o {kind} (linha {line}) não está no começo",
    rf"the (?P<kind>.+) {_WHERE} ends a (?P<of>.+) that is not open": (
        "o {kind} (linha {line}) fecha um {of} que não está aberto"
    ),
    rf"the (?P<kind>.+) {_WHERE} comes before the (?P<of>.+) has ended": (
        "o {kind} (linha {line}) vem antes do fim do {of}"
    ),
    rf"a second (?P<kind>.+) {_WHERE}; the first one is in line (?P<other>\d+)": (
        "um segundo {kind} (linha {line}); o primeiro está na linha {other}"
    ),
    rf"a (?P<kind>.+) begins {_WHERE} before the one before has ended": (
        "um {kind} começa (linha {line}) antes do fim do anterior"
    ),
    rf"a record {_WHERE} follows the (?P<kind>.+) \(line (?P<other>\d+)\)": (
        "um registro (linha {line}) vem depois do {kind} (linha {other})"
    ),
    r"the file begins without its (?P<role>\S+) \((?P<kind>.+)\)": "o arquivo começa sem o seu {role} ({kind})",
    r"the file ends without its (?P<role>\S+) \((?P<kind>.+)\)": "o arquivo termina sem o seu {role} ({kind})",
    r"the group (?P<kind>.+) \(from line (?P<line>\d+)\) has no end": "o grupo {kind} (da linha {line}) não tem fim",
    r"line (?P<line>\d+) has number (?P<said>.+) in the sequence, expected (?P<expected>.+)": (
        "a linha {line} tem o número {said} na sequência, esperado {expected}"
    ),
    r"line (?P<line>\d+) is both (?P<kind>.+) and (?P<other>.+): make their conditions exclude one another": (
        "a linha {line} é {kind} e {other} ao mesmo tempo: as condições devem excluir-se"
    ),
    r"(?P<n>\d+) of (?P<of>\d+) records are rejected, more than (?:the contract|max_rejects) allows": (
        "{n} de {of} registros foram rejeitados, mais do que o contrato permite"
    ),
    r"the file has no records": "o arquivo não tem registros",
    r"bytes or records were lost or counted twice: (?P<of>.+)": (
        "bytes ou registros perdidos ou contados duas vezes: {of}"
    ),
    r"(?P<why>.+) \(line (?P<line>\d+), byte (?P<byte>\d+)\): is this the framing of the file\?": (
        "{why} (linha {line}, byte {byte}): este é o enquadramento do arquivo?"
    ),
    r"(?P<path>.+) came for the same date as (?P<other>.+): which one counts cannot be told": (
        "{path} chegou para a mesma data que {other}: não dá para saber qual vale"
    ),
    r"(?P<path>.+) and (?P<other>.+) are both part (?P<of>.+): which one counts cannot be told": (
        "{path} e {other} são ambos a parte {of}: não dá para saber qual vale"
    ),
    r"(?P<n>\d+) parts are here, expected (?P<expected>\d+): (?P<path>.+)": (
        "há {n} partes, esperadas {expected}: {path}"
    ),
    r"(?P<path>.+) was changed or removed while it was read": "{path} mudou ou sumiu durante a leitura",
    r"its fact cannot be read": "o fato desta chegada não pode ser lido",
}

_FRAMING: Mapping[str, str] = {
    r"no line end in (?P<n>\d+) MiB": "nenhum fim de linha em {n} MiB",
    r"the file ends within a record": "o arquivo termina no meio de um registro",
    r"no record begins here": "nenhum registro começa aqui",
    r"no record begins here, or it leaves its block": "nenhum registro começa aqui, ou ele sai do seu bloco",
    r"no block begins here": "nenhum bloco começa aqui",
}

_WORDS: Mapping[str, str] = {"nothing": "nada", "another value": "outro valor", "another figure": "outro número"}


def in_portuguese(text: str) -> str:
    """The sentence in Portuguese; itself where it is not known."""
    for pattern, sentence in _SENTENCES.items():
        if found := re.fullmatch(pattern, text):
            words = {name: _WORDS.get(word, word) for name, word in found.groupdict().items()}
            if "why" in words:
                words["why"] = _framing(words["why"])
            return sentence.format(**words)
    return text


def _framing(why: str) -> str:
    for pattern, sentence in _FRAMING.items():
        if found := re.fullmatch(pattern, why):
            return sentence.format(**found.groupdict())
    return why
