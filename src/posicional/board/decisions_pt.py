"""What becomes of a decision, in Portuguese: what was recorded, or why it makes no sense.

The first sentence that fits is taken, so those that begin with a name stand behind the others.
"""

from __future__ import annotations

from posicional.day.portuguese import Table

DECISIONS: Table = {
    "decision {number}: {what+}": "decisão {number}: {what}",
    "already so: {what+}": "já é assim: {what}",
    # What was decided.
    "arrival {number} of {file} counts, although it was refused: {why+}": (
        "a chegada {number} de {file} vale, embora tenha sido recusada: {why}"
    ),
    "the day goes without {file}": "o dia segue sem {file}",
    "run {run} is current until a run after run {last} succeeds": (
        "a execução {run} é a atual até que uma posterior à {last} seja concluída"
    ),
    "the day is not expected": "o dia não é esperado",
    "no run begins until the day is released": "nenhuma execução começa até que o dia seja liberado",
    "the gate is no longer shut": "o portão não está mais fechado",
    "the day is processed anew": "o dia é processado de novo",
    "noted": "anotado",
    "people are told again": "as pessoas voltam a ser avisadas",
    "nobody is told until {at}; what is due is written down": (
        "ninguém é avisado até {at}; o que seria avisado fica registrado"
    ),
    # Why it makes no sense.
    "there is nothing to accept: {why+}": "não há o que aceitar: {why}",
    "the day is there: run {number} succeeded": "o dia está pronto: a execução {number} foi concluída",
    "nobody holds or skips the day": "ninguém segurou nem dispensou o dia",
    "a decision needs a reason": "uma decisão precisa de um motivo",
    "there is no open alert about {condition}": "não há alerta aberto sobre {condition}",
    "a silence has an end that somebody can foresee": "um silêncio tem um fim que se pode prever",
    "there is no decision {action}": "não há a decisão {action}",
    "nobody can be told nothing for {time}": "não se pode silenciar por {time}",
    "what was said of {what} cannot be read": "o que foi registrado da {what} não pode ser lido",
    "the rows of {what} are no longer there": "as linhas da {what} não estão mais lá",
    "there is no run {number}": "não há a execução {number}",
    "run {number} is {status}, so nobody can be shown it": (
        "a execução {number} está {status}, e por isso não pode ser mostrada"
    ),
    "run {number} has not made {names}, which is published now": (
        "a execução {number} não fez {names}, que agora é publicado"
    ),
    "arrival {number} of {file} is accepted": "a chegada {number} de {file} está aceita",
    "arrival {number} of {file} is not read yet": "a chegada {number} de {file} ainda não foi lida",
    "arrival {number} of {file} was not refused": "a chegada {number} de {file} não foi recusada",
    "{what} was refused before it was read, so there are no rows to accept: {why+}": (
        "{what} foi recusada antes de ser lida, e não há linhas que aceitar: {why}"
    ),
    # What would be expected, and what to do.
    "a file that is not here": "um arquivo que não chegou",
    "a run that succeeded: {runs+}": "uma execução concluída: {runs}",
    "a run; the day has none": "uma execução; o dia não tem nenhuma",
    "posicional run reads it": "posicional run o lê",
    "posicional hold keeps it as it is": "posicional hold o deixa como está",
    'say it with --why "…"': "dizer por quê",
    "the file must be sent again": "o arquivo precisa ser enviado de novo",
    "one that came for an earlier date is accepted with that --date; {rest+}": (
        "um que chegou para uma data anterior é aceito com essa --date; {rest}"
    ),
    "to go without it: posicional waive … {file}": "para seguir sem ele: posicional waive … {file}",
    "did you mean {name}?": "seria {name}?",
    "it has {names+}": "tem {names}",
    "open are: {names+}": "estão abertos: {names}",
    "none is open": "nenhum está aberto",
    "{days} days at the most; say it again before they are over": ("no máximo {days} dias; repetir antes que terminem"),
    "choose one of those on the page": "escolher uma das que estão na página",
    "for {times+}": "por {times}",
    "the one before is {date}": "a anterior é {date}",
    # Those that begin with a name.
    "{date} is no business date of {feed}": "{date} não é uma data de {feed}",
    "{condition} {alert} is acknowledged: nobody is reminded of it until something new is in the way": (
        "{condition} {alert} está reconhecido: ninguém é lembrado dele até que surja algo novo"
    ),
    "{condition} {alert} is acknowledged": "{condition} {alert} está reconhecido",
    "{file} is here: arrival {number}": "{file} chegou: chegada {number}",
    "{file} has arrived and is not read yet: arrival {number}": (
        "{file} chegou e ainda não foi lido: chegada {number}"
    ),
    "{file} is there: that of {date} counts": "{file} já existe: vale o de {date}",
    "{file} has not arrived": "{file} não chegou",
    "{feed} has no file {name}": "{feed} não tem o arquivo {name}",
    "arrival {number} of {file}": "chegada {number} de {file}",
    "failed": "com falha",
    "live": "em andamento",
    "abandoned": "abandonada",
}
