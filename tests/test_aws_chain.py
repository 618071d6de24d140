"""Where a bucket's credentials and region come from when the environment holds no keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from posicional.backends.aws_chain import Chain, from_chain
from posicional.backends.store import open_store
from tiny_s3 import BUCKET, tiny_s3


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without keys, and a profile `obra` in a file."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "DEFAULT_REGION", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    (tmp_path / "credentials").write_text("[obra]\naws_access_key_id = AKIAOBRA\naws_secret_access_key = x\n")
    (tmp_path / "config").write_text("[profile obra]\nregion = sa-east-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def test_a_profile_gives_credentials_and_region(clean: pytest.MonkeyPatch) -> None:
    """As it does for the AWS command line; a store works with it."""
    clean.setenv("AWS_PROFILE", "obra")
    words = from_chain()
    assert words["region"] == "sa-east-1"
    assert isinstance(words["credential_provider"], Chain)
    assert words["credential_provider"]()["access_key_id"] == "AKIAOBRA"
    with tiny_s3() as server:
        clean.setenv("AWS_ENDPOINT_URL", server.url)
        store = open_store(f"s3://{BUCKET}")
        store.create("a", b"1")
        assert store.read("a") == b"1"


def test_keys_and_region_of_the_environment_come_first(clean: pytest.MonkeyPatch) -> None:
    """Then nothing else is asked."""
    clean.setenv("AWS_PROFILE", "obra")
    clean.setenv("AWS_REGION", "us-east-1")
    assert "region" not in from_chain()
    clean.setenv("AWS_ACCESS_KEY_ID", "a")
    assert from_chain() == {}


def test_a_profile_that_is_not_there_is_no_traceback(clean: pytest.MonkeyPatch) -> None:
    """The bucket says that it cannot be read."""
    clean.setenv("AWS_PROFILE", "outra")
    assert from_chain() == {}
