"""Alerts arrive: through a real mail server and real webhooks, each kind of them, also where one channel is down."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alarms import tell
from commands import posicional
from posicional.backends.notify import EVERY, Lines, Reached, recipients, tell_all
from posicional.contract.feed import Feed, Recipient, Severity
from posicional.day.alerts import BACKOFF, DEADLINE, moments, unsent
from posicional.day.facts import Alert, Decision
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import AlertKey, DecisionKey
from posicional.errors import NotifyError
from posicional.ports import Channel, Event, Notice, Outside
from posicional.steps.alerts import raise_alerts
from posicional.steps.quiet import acknowledge
from post import Hook, Mails, free_port, hook, mails
from worlds import DAY, ToldClock, feed_of, file_of, new_store, outside_of, write_feed

NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOTICE = Notice(
    "planos", DAY, DEADLINE, 1, over=False, text="[planos] ATRASADO: falta <1> de 2.\n  falta     clientes  ·"
)


@dataclass
class World:
    """A feed of two files with twelve dates behind it, a mail box, a webhook for alarms alone, and one that is down."""

    feed: Feed
    outside: Outside
    clock: ToldClock
    mails: Mails
    panel: Hook
    chat: Hook
    events: list[Event] = field(default_factory=list)

    def at(self, clock: str, *events: str) -> None:
        """It happens, and then somebody looks."""
        for event in events:
            tell(self.feed, DAY, self.outside.store, self.clock, event)
        hours, minutes = map(int, clock.split(":"))
        self.look(NOON.replace(hour=0, minute=0) + timedelta(hours=hours + 3, minutes=minutes))

    def look(self, moment: datetime) -> None:
        """Somebody looks."""
        self.clock.time = moment
        raise_alerts(self.feed, self.facts, self.outside)

    @property
    def facts(self) -> Facts:
        """All facts of the day."""
        return Ledger(self.outside, self.feed.name, DAY).read()

    def outcome(self, condition: str, number: int, attempt: int = 1) -> dict[str, str]:
        """What became of an alert at each channel."""
        fact = self.facts.entries[AlertKey(condition, number, "sent", attempt)]
        assert isinstance(fact, Alert)
        return {one.channel: one.error for one in fact.channels}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The morning of the day."""
    clock, events = ToldClock(NOON - 3 * HOUR), list[Event]()
    with mails() as post, hook() as panel, hook(up=False) as chat:
        alerts = (
            Recipient("plantao", post.url),
            Recipient("painel", panel.url, frozenset({"alarm"})),
            Recipient("chat", chat.url),
        )
        base = feed_of(file_of("a"), file_of("b", owner="mainframe-ops@example.com"))
        feed = replace(base, alerts=alerts, board="https://quadro.example.com")
        outside = outside_of(new_store("memory", tmp_path), clock, tell=events.append)
        outside = replace(outside, channels=recipients(feed.alerts))
        for n in range(12, 0, -1):
            for event in (
                "08:40 a comes: 1800 rows",
                "09:00 b comes: 40000 rows",
                "09:10 run begins 1",
                "09:24 run ends 1",
            ):
                tell(feed, DAY - timedelta(days=n), outside.store, clock, event)
        yield World(feed, outside, clock, post, panel, chat, events)


def test_every_kind_of_alert_arrives_though_a_channel_is_down(world: World) -> None:
    """Warnings, alarms, what follows them up, reminders, recoveries: by mail and webhook, as the severity asks; whoever
    was down hears of what is newest when it is back.
    """
    world.at("08:50")
    assert world.mails.got == []
    world.at("09:30", "09:05 b comes: 40100 rows")
    world.at("09:50", "09:40 a comes: 60 rows")
    world.at("10:30", "10:20 a comes: 1810 rows")
    world.at("11:00", "10:50 b is_refused: the file ends without its trailer (trailer)")
    world.at("11:05", "11:04 b comes: 40100 rows")
    for number in range(1, 4):
        world.at("11:10", f"11:10 run begins {number}", f"11:11 run fails {number} (outside): the disk is full")
    world.at("11:20")
    world.at("12:00")
    world.at("13:00")
    world.at("13:30", "13:10 run begins 4", "13:25 run ends 4")
    subjects = [subject for _, subject, _ in world.mails.got]
    assert subjects == [
        "[f] 22/11 AVISO: já era para ter chegado: a. Prazo 12:00.",
        "[f] 22/11 aviso encerrado: chegou o que já era para ter chegado.",
        "[f] 22/11 AVISO: fora do comum: a.",
        "[f] 22/11 aviso encerrado: nada mais fora do comum.",
        "[f] 22/11 RECUSADO: b.",
        "[f] 22/11 recusa encerrada: nenhum arquivo está recusado.",
        "[f] 22/11 FALHOU: run 3, 11:11.",
        "[f] 22/11 12:00 ATRASADO: run 3 falhou (11:11). Nada publicado; os leitores veem 21/11 (run 1).",
        "[f] 22/11 12:00 ATRASADO: run 3 falhou (11:11). Nada publicado; os leitores veem 21/11 (run 1).",
        "[f] 22/11 12:00 publicado com atraso, 22/11 13:25.",
        "[f] 22/11 falha encerrada: run 4 terminou bem.",
    ]
    assert {to for to, _, _ in world.mails.got} == {"plantao@example.com"}
    assert [one["title"] for one in world.panel.got] == subjects[4:]
    assert [one["type"] for one in world.panel.got] == ["failure", "success"] + ["failure"] * 3 + ["success"] * 2
    late, reminder = world.mails.got[0][2], world.mails.got[8][2]
    assert "  falta     a  costuma chegar até 08:40, agora 09:30 · último: 21/11 08:40\n" in late
    assert "  quadro    https://quadro.example.com/feed/f/2026-11-22" in late
    assert "lembrete  nº 1, desde 12:00; para não lembrar mais: posicional ack feed.yaml deadline" in reminder
    assert world.chat.got == []
    assert world.outcome(DEADLINE, 1) == {"plantao": "", "painel": "", "chat": "no connection"}
    assert [text for text in unsent(world.facts, world.clock.now()) if text.startswith("alert deadline")] == [
        "alert deadline 3 has not reached chat: no connection (attempt 1, the next after 16:31 UTC)"
    ]
    told = len(world.mails.got), len(world.panel.got)
    world.chat.up()
    world.look(NOON + 100 * MINUTE)
    assert [one["title"] for one in world.chat.got] == subjects[9:]
    world.look(NOON + 6 * HOUR)
    assert [one["title"] for one in world.chat.got] == [*subjects[9:], *(subjects[n] for n in (1, 3, 5))]
    assert list(unsent(world.facts, world.clock.now())) == []
    assert (len(world.mails.got), len(world.panel.got)) == told
    world.look(NOON + 7 * HOUR)
    assert len(world.chat.got) == 5


def attempts(world: World) -> set[AlertKey]:
    """The facts about the file that is unusual."""
    return {key for key in world.facts.entries if isinstance(key, AlertKey) and key.condition == "unusual"}


def test_a_channel_that_stays_down_is_tried_less_and_less_often_and_given_up(world: World) -> None:
    """Each attempt is a fact; nobody is told twice meanwhile, and it is shown until the end."""
    world.at("09:30", "09:05 b comes: 40100 rows", "08:40 a comes: 60 rows")
    for wait in BACKOFF:
        world.look(world.clock.now() + wait - timedelta(seconds=1))
        before = len(attempts(world))
        world.look(world.clock.now() + timedelta(seconds=1))
        assert len(attempts(world)) == before + 2  # begun, and what came of it
    tried = attempts(world)
    assert max(key.attempt for key in tried) == len(BACKOFF) + 1
    assert "alert unusual 1 has not reached chat: no connection (attempt 7, given up)" in list(
        unsent(world.facts, world.clock.now())
    )
    world.look(world.clock.now() + timedelta(hours=5))
    assert attempts(world) == tried
    assert [subject for _, subject, _ in world.mails.got].count("[f] 22/11 AVISO: fora do comum: a.") == 1


def test_an_alarm_is_repeated_until_somebody_knows_of_it(world: World) -> None:
    """Every hour; not after that, but when something new is in the way."""
    world.at("12:00", "09:05 b comes: 40100 rows")
    for minutes in (59, 60, 61, 119, 120):
        world.look(NOON + minutes * MINUTE)
    assert [number for number in range(1, 9) if AlertKey(DEADLINE, number, "due") in world.facts.entries] == [1, 2, 3]
    acknowledge(world.feed, DAY, world.outside, condition=DEADLINE)
    world.look(NOON + 6 * HOUR)
    assert AlertKey(DEADLINE, 4, "due") not in world.facts.entries
    world.at("18:30", "18:10 a is_refused: the file ends without its trailer (trailer)")
    world.at("19:30")
    last = world.facts.entries[AlertKey(DEADLINE, 5, "due")]
    assert isinstance(last, Alert)
    assert last.again == 1
    assert [subject.partition(". ")[0] for _, subject, _ in world.mails.got] == [
        *["[f] 22/11 12:00 ATRASADO: falta 1 de 2"] * 3,
        "[f] 22/11 12:00 ATRASADO: 1 de 2 foi recusado",
        "[f] 22/11 RECUSADO: a.",
        "[f] 22/11 12:00 ATRASADO: 1 de 2 foi recusado",
    ]


def test_an_acknowledgement_that_crosses_a_reminder_holds(world: World) -> None:
    """Somebody read reminder 2 while 3 was being written: what they know of is the same."""
    world.at("12:00", "09:05 b comes: 40100 rows")
    world.look(NOON + 60 * MINUTE)
    seen = world.facts
    world.look(NOON + 120 * MINUTE)
    ledger = Ledger(world.outside, world.feed.name, DAY)
    assert max(key.number for key in seen.entries if isinstance(key, AlertKey) and key.condition == DEADLINE) == 2
    fact = Decision(**ledger.sign(), decision="ack", why="", about={"condition": DEADLINE, "alert": 2})
    assert ledger.write(DecisionKey(1), fact)
    told_ = len(world.mails.got)
    for hour in (3, 4, 5):
        world.look(NOON + hour * HOUR)
    assert len(world.mails.got) == told_
    assert NOON + 3 * HOUR not in list(moments(world.facts, HOUR))
    assert acknowledge(world.feed, DAY, world.outside, condition=DEADLINE).number == 0
    world.at("18:30", "18:10 a is_refused: the file ends without its trailer (trailer)")
    assert len(world.mails.got) > told_


# One channel by itself.


def test_a_title_and_a_text() -> None:
    """What is the matter is the title; the rest stands below it, as it is: no markup, blanks kept."""
    with mails() as post, hook() as panel:
        assert tell_all([Reached("m", post.url), Reached("p", panel.url)], NOTICE) == {"m": "", "p": ""}
        assert tell_all([Reached("p", panel.url)], replace(NOTICE, text="só uma linha", severity="warning")) == {
            "p": ""
        }
    assert post.got == [("plantao@example.com", "[planos] ATRASADO: falta <1> de 2.", "  falta     clientes  ·\n")]
    assert [(one["title"], one["message"], one["type"]) for one in panel.got] == [
        ("[planos] ATRASADO: falta <1> de 2.", "  falta     clientes  ·", "failure"),
        ("só uma linha", "só uma linha", "warning"),
    ]


def test_why_a_channel_failed_is_said_without_its_address(capfd: pytest.CaptureFixture[str]) -> None:
    """In words of our own; neither the log nor the error quotes what may be a secret."""
    with hook() as panel:
        panel.status = 403
        channels = [
            Reached("refuses", panel.url),
            Reached("nobody", f"json://127.0.0.1:{free_port()}/s3cr3t-p4th"),
            Reached("unknown", "carrier-pigeon://s3cr3t-p4th"),
        ]
        outcomes = tell_all(channels, NOTICE)
    assert outcomes == {
        "refuses": "refused: HTTP 403",
        "nobody": "no connection",
        "unknown": "its address is none that Apprise knows",
    }
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    assert "s3cr3t" not in repr(channels)


@dataclass
class Stuck:
    """A channel that raises what nobody expects, or never answers."""

    error: Exception | None = None
    name: str = "stuck"
    when: frozenset[Severity] = EVERY

    def send(self, _notice: Notice) -> None:
        """Fail."""
        if self.error:
            raise self.error
        threading.Event().wait()


def test_a_channel_that_never_answers_keeps_nobody_waiting() -> None:
    """The others have it, and after a time it counts as failed; a library's error is named, never quoted."""
    said: list[str] = []
    channels: list[Channel] = [Stuck(), Lines(said.append), Stuck(ValueError("json://s3cr3t"), name="odd")]
    outcomes = tell_all(channels, NOTICE, seconds=0.2)
    assert outcomes == {"stuck": "no answer in 0 s", "terminal": "", "odd": "stopped by ValueError"}
    assert said == [NOTICE.text]


def test_several_channels_that_never_answer_are_waited_for_together() -> None:
    """Not one after another: an alarm at noon is not told at five past twelve."""
    channels: list[Channel] = [Stuck(name=f"stuck-{number}") for number in range(20)]
    began = time.monotonic()
    assert set(tell_all(channels, NOTICE, seconds=0.5).values()) == {"no answer in 0 s"}
    assert time.monotonic() - began < 5  # one after another would take ten


def test_a_server_that_accepts_and_says_nothing_is_left_after_a_while() -> None:
    """Apprise itself gives up long before we would."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"json://127.0.0.1:{silent.getsockname()[1]}/x?rto=0.3"
        began = time.monotonic()
        assert tell_all([Reached("silent", url)], NOTICE) == {"silent": "no connection"}
        assert time.monotonic() - began < 20


def test_an_address_is_checked_without_sending_anything() -> None:
    """`posicional check` asks."""
    Reached("p", "json://127.0.0.1:1/x").check()
    with pytest.raises(NotifyError, match="its address is none that Apprise knows"):
        Reached("p", "carrier-pigeon://s3cr3t-p4th").check()


def test_where_apprise_is_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As why a channel failed, and by `check`; nothing else stops."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert tell_all([Reached("p", "json://127.0.0.1:1/x")], NOTICE) == {"p": "Apprise is not installed"}
    with hook() as panel, hook() as chat:
        said = posicional("check", feed_with_alerts(tmp_path / "feed", monkeypatch, panel, chat))
    assert (said.code, "pip install 'posicional[alerts]'" in said.out) == (0, True)


# The command line.

ALERTS = """\
alerts:
  - {url: "${PAINEL}", name: painel, when: alarm}
  - {url: "${CHAT}", name: chat}
board: https://quadro.example.com
"""


def feed_with_alerts(folder: Path, monkeypatch: pytest.MonkeyPatch, panel: Hook, chat: Hook) -> Path:
    """A feed whose recipients' addresses stand in the environment."""
    monkeypatch.setenv("PAINEL", panel.url)
    monkeypatch.setenv("CHAT", chat.url)
    feed = write_feed(folder).path
    feed.write_text(feed.read_text(encoding="utf-8") + ALERTS, encoding="utf-8")
    return feed


def test_the_noon_check_tells_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal, and those whom the feed names; who was not reached is said, in the status too, and tried again."""
    words = ("--store", tmp_path / "dados")
    day = ("--date", "2026-11-20")
    with hook() as panel, hook(up=False) as chat:
        feed = feed_with_alerts(tmp_path / "feed", monkeypatch, panel, chat)
        checked = posicional("check", feed)
        said = posicional("deadline", feed, *day, *words)
        assert said.out.startswith("[saude] 20/11 12:00 ATRASADO: nada chegou (0 de 2).")
        assert [one["title"] for one in panel.got] == [said.out.splitlines()[0]]
        assert "posicional: deadline 1 not sent through chat: no connection" in said.err
        status = posicional("status", feed, *day, *words)
        assert "  alert deadline 1 has not reached chat: no connection (attempt 1, the next after" in status.out
        texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "dados").rglob("*.json")]
        assert all("s3cr3t" not in text for text in (*texts, checked.text, said.text, status.text))
    assert json.loads(next(text for text in texts if '"channel"' in text))["channels"] == [
        {"channel": "terminal", "error": ""},
        {"channel": "painel", "error": ""},
        {"channel": "chat", "error": "no connection"},
    ]
    swept = posicional("sweep", feed, *words, "--json")
    assert re.search(r"^posicional: deadline 1 not sent through chat: no connection$", swept.err, re.MULTILINE)
    assert swept.json["feed"] == "saude"
    assert "alert    painel  alarm" in checked.out
    monkeypatch.setenv("CHAT", "carrier-pigeon://s3cr3t-p4th")
    wrong = posicional("check", feed)
    assert (wrong.code, "chat: its address is none that Apprise knows" in wrong.err) == (2, True)
    assert "s3cr3t" not in wrong.text
