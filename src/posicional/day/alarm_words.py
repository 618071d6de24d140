"""The words of the alarm, in each language; how they are put together is in `alarm`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

Language = Literal["pt", "en"]


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `width`: of the words that begin a line; `stages`: how far a run or publication has
    come; `blamed`: whose turn it is after a failure.
    """

    width: int
    day: Callable[[date], str]
    month: Callable[[date], str]
    moment: Callable[[datetime], str]
    on_day: Callable[[str, int, bool], str]
    span: Callable[[timedelta], str]
    number: Callable[[int], str]

    due: str
    alarm: str
    unknown: str
    no_business_day: str
    published: str
    in_time: str
    late: str
    skipped: str
    not_due: str

    missing_one: str
    missing_many: str
    refused_one: str
    refused_many: str
    nothing: str
    stages: Mapping[str, str]
    optional: str
    unread: str
    unprocessed: str
    unpublished: str
    held: str
    decided: str
    undecided: str
    publication: str

    overdue: str
    overdue_over: str
    all_came: str
    goes_without: str
    unusual: str
    unusual_over: str
    refused_now: str
    refused_over: str
    failed_now: str
    failed_over: str

    readers: str
    readers_nothing: str
    readers_unknown: str

    missing: str
    refused: str
    not_read: str
    counts: str
    arrival: str
    came: str
    reason: str
    turn: str
    reminder: str
    board: str

    usual: str
    usual_by: str
    expected: str
    expected_now: str
    rows: str
    rejects: str
    same: str
    named: str
    last: str
    send_again: str
    otherwise: str
    more: str

    reminded: str
    senders: str
    without: str
    asks: str
    nobody: str
    retried: str
    outage: str
    operator: str
    releases: str
    blamed: Mapping[str, str]
    after: str
    usually: str


def _minutes(span: timedelta) -> tuple[int, int]:
    """Hours and minutes, rounded up."""
    return divmod(-(-span // timedelta(minutes=1)), 60)


def _span(span: timedelta, less: str, about: str) -> str:
    hours, minutes = _minutes(span)
    if span < timedelta(minutes=1):
        return less
    return f"{about} " + " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes or not hours))


def _on_day_pt(at: str, days: int, monthly: bool) -> str:
    if abs(days) > 1:
        return f"{at}, {abs(days)} dias {'depois' if days > 0 else 'antes'}{' do fim do mês' * monthly}"
    return {0: at, 1: f"{at} do dia seguinte", -1: f"{at} da véspera"}[days]


def _on_day_en(at: str, days: int, monthly: bool) -> str:
    if abs(days) > 1:
        return f"{at}, {abs(days)} days {'after' if days > 0 else 'before'}{' the end of the month' * monthly}"
    return {0: at, 1: f"{at} the next day", -1: f"{at} the day before"}[days]


PORTUGUESE = Words(
    width=10,
    day=lambda day: f"{day:%d/%m}",
    month=lambda day: f"{day:%m/%Y}",
    moment=lambda moment: f"{moment:%d/%m %H:%M}",
    on_day=_on_day_pt,
    span=lambda span: _span(span, "menos de 1 min", "cerca de"),
    number=lambda number: f"{number:,}".replace(",", "."),
    due="prazo {at}",
    alarm="{head} ATRASADO: {what}. Nada publicado; {readers}.",
    unknown="{head} SEM RESPOSTA: não se sabe se foi publicado; os registros do dia não podem ser lidos.",
    no_business_day="{head} não é uma data deste feed.",
    published="{head} publicado {late}, {at}.",
    in_time="no prazo",
    late="com atraso",
    skipped="{head} dispensado {decided}.",
    not_due="{head} ainda não venceu: {what}.",
    missing_one="falta {n} de {of}",
    missing_many="faltam {n} de {of}",
    refused_one="{n} de {of} foi recusado",
    refused_many="{n} de {of} foram recusados",
    nothing="nada chegou (0 de {of})",
    stages={
        "live": "{turn} em andamento desde {at}",
        "failed": "{turn} falhou ({at})",
        "silent": "{turn} começou ({at}) e não terminou",
    },
    optional="espera por {files} até {until}",
    unread="{files}: chegou e não foi lido",
    unprocessed="os {of} arquivos chegaram, nada foi processado",
    unpublished="run {run} está pronto, falta publicar",
    held="suspenso {decided}",
    decided="por {who} ({at}): {why}",
    undecided="por uma decisão que não pode ser lida",
    publication="publicação",
    overdue="[{feed}] {day} AVISO: já era para ter chegado: {files}. Prazo {due}.",
    overdue_over="[{feed}] {day} aviso encerrado: {why}",
    all_came="chegou o que já era para ter chegado.",
    goes_without="segue sem {files}.",
    unusual="[{feed}] {day} AVISO: fora do comum: {files}.",
    unusual_over="[{feed}] {day} aviso encerrado: nada mais fora do comum.",
    refused_now="[{feed}] {day} RECUSADO: {files}.",
    refused_over="[{feed}] {day} recusa encerrada: nenhum arquivo está recusado.",
    failed_now="[{feed}] {day} FALHOU: {turn}, {at}.",
    failed_over="[{feed}] {day} falha encerrada: run {run} terminou bem.",
    readers="os leitores veem {day} (run {run})",
    readers_nothing="os leitores não veem nenhum dia recente",
    readers_unknown="não se sabe o que os leitores veem",
    missing="falta",
    refused="recusado",
    not_read="não lido",
    counts="vale",
    arrival="a chegada {n}, anterior",
    came="chegou",
    reason="motivo",
    turn="ação",
    reminder="lembrete",
    board="quadro",
    usual="costuma chegar {at}",
    usual_by="costuma chegar até {at}, agora {now}",
    expected="esperado até {at}",
    expected_now="esperado até {at}, agora {now}",
    rows="{got} linhas; o comum é de {low} a {high}",
    rejects="{got} rejeitados; o comum é até {high}",
    same="o mesmo conteúdo da data anterior",
    named="esperado como {name}",
    last="último: {at}",
    send_again="reenviar",
    otherwise=", ou: {command}",
    more="e mais {n}",
    reminded="nº {n}, desde {at}; para não lembrar mais: {command}",
    senders="quem envia",
    without="; para seguir sem: {command}",
    asks="quem opera -> conferir com quem envia; se estiver errado, reenviar",
    nobody="ninguém: {turn} está com {who}",
    retried="ninguém: nova tentativa prevista ({until})",
    outage="quem opera -> verificar o OpenSearch; a próxima tentativa vem sozinha{until}, ou já: {run}",
    operator="quem opera",
    releases="quem suspendeu",
    blamed={
        "contract": "quem cuida do contrato -> corrigir o SQL ou o layout, depois: {run}",
        "data": "quem envia os arquivos -> reenviar corrigido; quem opera confere com: {run}",
        "outside": "quem opera -> {run}",
        "bug": "quem opera (se voltar a falhar, é um defeito do posicional) -> {run}",
    },
    after="depois da última chegada: {span} até publicar",
    usually="da última chegada até publicar: {span}",
)

ENGLISH = Words(
    width=9,
    day=lambda day: f"{day:%Y-%m-%d}",
    month=lambda day: f"{day:%Y-%m}",
    moment=lambda moment: f"{moment:%Y-%m-%d %H:%M}",
    on_day=_on_day_en,
    span=lambda span: _span(span, "less than 1 min", "about"),
    number=lambda number: f"{number:,}",
    due="due {at}",
    alarm="{head} LATE: {what}. Nothing published; {readers}.",
    unknown="{head} NO ANSWER: nobody knows whether it is published; the day's facts cannot be read.",
    no_business_day="{head} is no date of this feed.",
    published="{head} published {late}, {at}.",
    in_time="in time",
    late="late",
    skipped="{head} skipped {decided}.",
    not_due="{head} is not due yet: {what}.",
    missing_one="{n} of {of} is missing",
    missing_many="{n} of {of} are missing",
    refused_one="{n} of {of} was refused",
    refused_many="{n} of {of} were refused",
    nothing="nothing arrived (0 of {of})",
    stages={
        "live": "{turn} is live since {at}",
        "failed": "{turn} failed ({at})",
        "silent": "{turn} began ({at}) and has not ended",
    },
    optional="waiting for {files} until {until}",
    unread="{files}: here and not read",
    unprocessed="all {of} files are here, nothing was processed",
    unpublished="run {run} is ready and not published",
    held="held {decided}",
    decided="by {who} ({at}): {why}",
    undecided="by a decision that cannot be read",
    publication="publication",
    overdue="[{feed}] {day} WARNING: should be here by now: {files}. Due {due}.",
    overdue_over="[{feed}] {day} the warning is over: {why}",
    all_came="what should be here is here.",
    goes_without="it goes on without {files}.",
    unusual="[{feed}] {day} WARNING: unusual: {files}.",
    unusual_over="[{feed}] {day} the warning is over: nothing is unusual any more.",
    refused_now="[{feed}] {day} REFUSED: {files}.",
    refused_over="[{feed}] {day} the refusal is over: no file is refused.",
    failed_now="[{feed}] {day} FAILED: {turn}, {at}.",
    failed_over="[{feed}] {day} the failure is over: run {run} went well.",
    readers="readers see {day} (run {run})",
    readers_nothing="readers see no recent day",
    readers_unknown="nobody knows what readers see",
    missing="missing",
    refused="refused",
    not_read="unread",
    counts="counts",
    arrival="arrival {n}, the one before",
    came="came",
    reason="reason",
    turn="turn of",
    reminder="again",
    board="board",
    usual="usually comes {at}",
    usual_by="usually here by {at}, now {now}",
    expected="expected by {at}",
    expected_now="expected by {at}, now {now}",
    rows="{got} rows; {low} to {high} are usual",
    rejects="{got} rejects; {high} at most are usual",
    same="the same content as on the date before",
    named="expected as {name}",
    last="last: {at}",
    send_again="send again",
    otherwise=", or: {command}",
    more="and {n} more",
    reminded="number {n}, since {at}; to hear no more of it: {command}",
    senders="the senders",
    without="; to go without it: {command}",
    asks="the operator -> ask the sender; if it is wrong, have it sent again",
    nobody="nobody: {who} is at {turn}",
    retried="nobody: another attempt is due ({until})",
    outage="the operator -> look at OpenSearch; the next attempt comes by itself{until}, or at once: {run}",
    operator="the operator",
    releases="whoever holds it",
    blamed={
        "contract": "whoever keeps the contract -> mend the SQL or the layout, then: {run}",
        "data": "the files' senders -> send them corrected; the operator looks with: {run}",
        "outside": "the operator -> {run}",
        "bug": "the operator (if it fails again, it is a defect of posicional) -> {run}",
    },
    after="after the last arrival: {span} until published",
    usually="from the last arrival until published: {span}",
)

WORDS: Mapping[Language, Words] = {"pt": PORTUGUESE, "en": ENGLISH}
