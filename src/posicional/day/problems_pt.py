"""Why a file was refused, in Portuguese: the sentences of facts, which are English, for the people who send the files.

A sentence that is not known here stays as it is: better a foreign word than none.
"""

from __future__ import annotations

from posicional.day.portuguese import Table, told_behind_its_place

PROBLEMS: Table = {
    # Control records.
    "the {kind} (line {line}) says {said} records, {read} were read": (
        "o {kind} (linha {line}) diz {said} registros, foram lidos {read}"
    ),
    "the {kind} (line {line}) says {said} detail records, {read} were read": (
        "o {kind} (linha {line}) diz {said} registros de detalhe, foram lidos {read}"
    ),
    "the {kind} (line {line}) says {said} groups, {read} were read": (
        "o {kind} (linha {line}) diz {said} grupos, foram lidos {read}"
    ),
    "the {kind} (line {line}) says {said} records of {of+}, {read} were read": (
        "o {kind} (linha {line}) diz {said} registros de {of}, foram lidos {read}"
    ),
    "the {kind} (line {line}) says {said} for the sum of {of}, the records read add up to {read}": (
        "o {kind} (linha {line}) diz {said} para a soma de {of}, os registros lidos somam {read}"
    ),
    "the {kind} (line {line}) says {said} for the sum of {of}, but {read} of its records are rejected": (
        "o {kind} (linha {line}) diz {said} para a soma de {of}, mas {read} dos seus registros foram rejeitados"
    ),
    "the {kind} (line {line}) says {of} {said}, expected {expected}": (
        "o {kind} (linha {line}) diz {of} {said}, esperado {expected}"
    ),
    "the {kind} (line {line}) cannot be read: see the rejects": (
        "o {kind} (linha {line}) não pode ser lido: veja os rejeitados"
    ),
    # The order of records.
    "the {kind} (line {line}) is not at the beginning": "o {kind} (linha {line}) não está no começo",
    "the {kind} (line {line}) ends a {of} that is not open": (
        "o {kind} (linha {line}) fecha um {of} que não está aberto"
    ),
    "the {kind} (line {line}) comes before the {of} has ended": "o {kind} (linha {line}) vem antes do fim do {of}",
    "a second {kind} (line {line}); the first one is in line {other}": (
        "um segundo {kind} (linha {line}); o primeiro está na linha {other}"
    ),
    "a {kind} begins (line {line}) before the one before has ended": (
        "um {kind} começa (linha {line}) antes do fim do anterior"
    ),
    "a record (line {line}) follows the {kind} (line {other})": (
        "um registro (linha {line}) vem depois do {kind} (linha {other})"
    ),
    "the file begins without its {role} ({kind})": "o arquivo começa sem o seu {role} ({kind})",
    "the file ends without its {role} ({kind})": "o arquivo termina sem o seu {role} ({kind})",
    "the group {kind} (from line {line}) has no end": "o grupo {kind} (da linha {line}) não tem fim",
    "line {line} has number {said} in the sequence, expected {expected}": (
        "a linha {line} tem o número {said} na sequência, esperado {expected}"
    ),
    "line {line} is both {kind} and {other}: make their conditions exclude one another": (
        "a linha {line} é {kind} e {other} ao mesmo tempo: as condições devem excluir-se"
    ),
    # The file as a whole.
    "{n} of {of} records are rejected, more than the contract allows": (
        "{n} de {of} registros foram rejeitados, mais do que o contrato permite"
    ),
    "line {line}, {field} {at}: {why}": "linha {line}, {field} {at}: {why}",
    "line {line}: {why}, expected {of}": "linha {line}: {why}, esperado: {of}",
    "line {line}: {why}": "linha {line}: {why}",
    "the file has no records": "o arquivo não tem registros",
    "bytes or records were lost or counted twice: {of}": "bytes ou registros perdidos ou contados duas vezes: {of}",
    "{why} (line {line}, byte {byte}): is this the framing of the file?": (
        "{why} (linha {line}, byte {byte}): os registros do arquivo terminam mesmo como o layout diz?"
    ),
    "no line end in {n} MiB": "nenhum fim de linha em {n} MiB",
    "the file ends within a record": "o arquivo termina no meio de um registro",
    "no record begins here": "nenhum registro começa aqui",
    "no record begins here, or it leaves its block": "nenhum registro começa aqui, ou ele sai do seu bloco",
    "no block begins here": "nenhum bloco começa aqui",
    # Compressed files.
    "unpacked it is more than {n} times as large as packed: this is no data": (
        "descompactado, o arquivo é mais de {n} vezes maior: isto não são dados"
    ),
    "the compressed stream is empty": "o arquivo compactado está vazio",
    "the {kind} stream is cut off or damaged": "o arquivo {kind} está cortado ou danificado",
    "the archive is cut off, damaged, or locked with a password": (
        "o arquivo zip está cortado, danificado ou protegido por senha"
    ),
    "the archive does not hold {member}": "o arquivo zip não contém {member}",
    "the archive holds {n} files: the contract must name one (member: …)": (
        "o arquivo zip contém {n} arquivos: o contrato precisa dizer qual (member: …)"
    ),
    # What cannot be told apart, and what was not there any more.
    "{path} came for the same date as {other}: which one counts cannot be told": (
        "{path} chegou para a mesma data que {other}: não dá para saber qual vale"
    ),
    "{path} and {other} are both part {of}: which one counts cannot be told": (
        "{path} e {other} são ambos a parte {of}: não dá para saber qual vale"
    ),
    "{n} parts are here, expected {expected}: {path}": "há {n} partes, esperadas {expected}: {path}",
    "{path} was changed or removed while it was read": "{path} mudou ou sumiu durante a leitura",
    "its fact cannot be read": "o registro desta chegada não pode ser lido",
    # Why a record was rejected.
    "unknown kind": "tipo de registro desconhecido",
    "matches two kinds": "serve a dois tipos de registro",
    "too short": "curto demais",
    "too long": "longo demais",
    "framing lost": "perdeu-se a divisão em registros",
    "not in the encoding": "fora da codificação",
    "required": "obrigatório",
    "not a number": "não é um número",
    "too many digits": "dígitos demais",
    "not a date": "não é uma data",
    "not a time": "não é uma hora",
    "not a timestamp": "não é data e hora",
    "not a boolean": "não é sim ou não",
    "not allowed": "valor não permitido",
    "out of range": "fora dos limites",
    "one of {names+}": "um destes: {names}",
    # Words that stand for something.
    "nothing": "nada",
    "another value": "outro valor",
    "another figure": "outro número",
}


def in_portuguese(text: str) -> str:
    """The sentence in Portuguese, behind the path of a part where there is one; itself where it is not known."""
    return told_behind_its_place(text, PROBLEMS) or text
