"""The board on alerts: what was told and what has not arrived, acknowledged and silenced by somebody with a name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from posicional.board.look import one_day
from posicional.board.watched import Watched
from posicional.contract.feed import SEVERITIES, Severity
from posicional.day.journal import Ledger
from posicional.errors import NotifyError
from posicional.ports import Notice
from posicional.steps import quiet
from posicional.steps.alerts import raise_alerts
from posicional.steps.quiet import silence_of
from test_board import DATE, FORM, browser, decisions, signed_in, texts
from test_cost import EVENING
from worlds import DAY, ToldClock, new_store, outside_of, write_feed


@dataclass
class Down:
    """A channel that nobody answers at."""

    name: str = "chat"
    when: frozenset[Severity] = frozenset(SEVERITIES)

    def send(self, _notice: Notice) -> None:
        """Fail."""
        raise NotifyError("no connection")


@pytest.fixture
def late(tmp_path: Path) -> Watched:
    """A day in the evening of which nothing has come, told in vain an hour before and once more now."""
    outside = replace(outside_of(new_store("memory", tmp_path), ToldClock(EVENING)), channels=[Down()])
    one = Watched(write_feed(tmp_path / "feed"), outside)
    for hour in (16, 17, 18):
        outside.clock.time = EVENING.replace(hour=hour)  # type: ignore[attr-defined]  # it can be told
        raise_alerts(one.feed, Ledger(outside, one.name, DAY).read(), outside)
    return one


def test_what_has_not_arrived_is_shown_in_both_languages(late: Watched) -> None:
    """The alert as not sent, and why; of reminders the newest alone."""
    english, portuguese = (texts(browser(late, language=one).get(f"/feed/saude/{DATE}").text) for one in ("en", "pt"))
    assert "alert deadline 3 has not reached chat: no connection (attempt 1, the next after" in english
    assert "o alerta deadline 3 não chegou a chat: sem conexão (tentativa 1, a próxima depois de" in portuguese
    assert [(one.condition, one.number, one.sent) for one in one_day(late, DAY).alerts] == [
        ("deadline", 3, False),
        ("deadline", 1, False),
    ]


def test_an_alert_is_acknowledged_and_a_feed_silenced(late: Watched) -> None:
    """Both under the name of whoever is signed in; neither is offered where nothing is open, or known already."""
    client = signed_in(late)
    assert 'action="/feed/saude/2026-11-22/ack"' in client.get(f"/feed/saude/{DATE}").text
    said = client.post(f"/feed/saude/{DATE}/ack", data={"about": "deadline", "why": "I call them"}, headers=FORM)
    assert "Recorded: decision 1: deadline 3 is acknowledged" in texts(said.text)
    assert 'action="/feed/saude/2026-11-22/ack"' not in said.text
    assert [(fact.decision, fact.who, fact.why) for fact in decisions(late)] == [("ack", "ana@board", "I call them")]
    said = client.post(f"/feed/saude/{DATE}/silence", data={"about": "4 h", "why": "it is known"}, headers=FORM)
    assert "Recorded: nobody is told until 2026-11-22 22:00" in texts(said.text)
    silence = silence_of(late.feed, late.outside)
    assert silence is not None
    assert (silence.who, silence.why) == ("ana@board", "it is known")


def test_a_silence_is_on_the_day_and_at_the_hand_over_until_it_is_over(late: Watched) -> None:
    """Whoever takes over learns that nobody is told, until when, why, and who said so; in both languages."""
    pages = ("/feed/saude", "/hand-over")
    said = {"en": "nobody is told until 2026-11-22 22:00: it is known (ana@board)",
            "pt": "ninguém é avisado até 2026-11-22 22:00: it is known (ana@board)"}  # fmt: skip
    until = late.outside.clock.now() + timedelta(hours=4)
    quiet.silence(late.feed, replace(late.outside, who="ana@board"), until=until, why="it is known")
    for language, sentence in said.items():
        for page in pages:
            assert sentence in texts(browser(late, language=language).get(page).text)
    late.outside.clock.time = until  # type: ignore[attr-defined]  # it can be told
    for page in pages:
        assert "nobody is told" not in texts(browser(late).get(page).text)


@pytest.mark.parametrize(("action", "about"), [("ack", "refused"), ("ack", "<b>"), ("silence", "9 h"), ("silence", "")])
def test_what_makes_no_sense_is_refused(late: Watched, action: str, about: str) -> None:
    """No such alert, no such time."""
    said = signed_in(late).post(f"/feed/saude/{DATE}/{action}", data={"about": about, "why": "x"}, headers=FORM)
    assert (said.status_code, decisions(late), silence_of(late.feed, late.outside)) == (409, [], None)
