"""Credentials and region for S3 from where every AWS program takes them: profiles, single sign-on, a role of a machine.

The environment's own keys come first, and then nothing of the SDK is imported; a Lambda's are there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from obstore.store import S3Credential

ASK_AGAIN = timedelta(minutes=5)
"""How long what the SDK gave is used; it renews what is about to expire by itself."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Credentials that the SDK keeps fresh."""

    credentials: Any

    def __call__(self) -> S3Credential:
        """Those of now."""
        now = self.credentials.get_frozen_credentials()
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
            "expires_at": datetime.now(UTC) + ASK_AGAIN,
        }


def from_chain() -> dict[str, Any]:
    """Words for an S3 store: its credentials and region, as far as the environment does not say them already.

    Empty where the SDK is not installed, or finds none.
    """
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    try:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ModuleNotFoundError:
        return {}
    try:
        session = Session()
        credentials, region = session.get_credentials(), session.get_config_variable("region")
    except BotoCoreError:  # a profile that is not there, a broken file: the store says that it has no access
        return {}
    words: dict[str, Any] = {}
    if credentials is not None:
        words["credential_provider"] = Chain(credentials)
    if region and not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
        words["region"] = region
    return words
