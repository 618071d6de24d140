"""`posicional deploy` before it reaches AWS: what it refuses, and where it goes back to. The rest is in tests/aws."""

from __future__ import annotations

import pytest

from commands import PLANOS, posicional
from posicional.backends.stack import Change, Deployment
from posicional.cli.deploy import deployment_before
from posicional.errors import UsageError


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account, no region, and nothing that could be asked for one."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("name", ["Planos", "1planos", "planos_dia", "p" * 34])
def test_a_stack_s_name_must_leave_room_for_all_others(name: str) -> None:
    """Every physical name begins with it, and the rule's is the longest."""
    said = posicional("deploy", PLANOS, "--stack", name)
    assert said.code == 2
    assert "33 at most" in said.err


@pytest.mark.parametrize("verb", ["deploy", "destroy"])
def test_without_a_region_nothing_is_asked(verb: str) -> None:
    """It says what to set."""
    said = posicional(verb, PLANOS)
    assert said.code == 2
    assert "AWS_REGION" in said.err


def test_without_credentials_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every AWS program, in one line."""
    monkeypatch.setenv("AWS_REGION", "sa-east-1")
    said = posicional("deploy", PLANOS)
    assert said.code == 2
    assert "aws sso login" in said.err


def test_going_back_goes_back_one_and_then_further() -> None:
    """A rollback is a deployment of its own: going back again goes behind where it went."""
    record = [Deployment(number, number - 1, f"t{number}", {"ContractKey": f"c{number}"}) for number in (1, 2, 3)]
    back = deployment_before("s", record)
    assert (back.number, back.template, back.before) == (4, "t2", 1)
    further = deployment_before("s", [*record, back])
    assert (further.number, further.template, further.before) == (5, "t1", 0)
    with pytest.raises(UsageError):
        deployment_before("s", [*record, back, further])
    with pytest.raises(UsageError):
        deployment_before("s", [])


def test_a_change_says_what_is_made_anew() -> None:
    """That is what one looks for in a plan."""
    assert str(Change("modify", "Job", "AWS::Glue::Job", True)).endswith("Job, made anew")
