"""Requests signed for Amazon OpenSearch Service and Serverless, with credentials of the usual chain.

Signed are host, date, session token and the hash of the body as it is sent, which Serverless demands. No other header
is: load balancers change some of them on the way.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from posicional.backends.endpoint import Sign
from posicional.errors import TargetError

HINT = "give AWS credentials: a role, a profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

# At its most talkative it logs what it signs, the session's token included.
logging.getLogger("botocore.auth").setLevel(logging.CRITICAL + 1)


def signer(where: str, service: str, region: str) -> Sign:
    """What signs requests to a service. Without a region, that of the environment or the profile is meant.

    Credentials are looked for with the first request, and renewed before they expire. Raises `TargetError`, naming
    `where`.
    """
    session = Session()

    def credentials() -> ReadOnlyCredentials:
        try:
            found = session.get_credentials()
            frozen = found.get_frozen_credentials() if found is not None else None
        except BotoCoreError as error:
            kind = type(error).__name__
            raise TargetError("AWS gives no credentials", where=where, got=kind, hint=HINT) from None
        if frozen is None:
            raise TargetError("there are no AWS credentials", where=where, hint=HINT)
        return frozen

    try:
        region = region or os.environ.get("AWS_REGION") or session.get_config_variable("region") or ""
    except BotoCoreError as error:
        raise TargetError("AWS's settings cannot be read", where=where, got=type(error).__name__, hint=HINT) from None
    if not region:
        hint = "name it: auth: {aws: {region: …}}, or AWS_REGION"
        raise TargetError("nothing says in which AWS region it is", where=where, hint=hint)

    def sign(method: str, url: str, body: bytes) -> Mapping[str, str]:
        request = AWSRequest(method=method, url=url, data=body)
        request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
        SigV4Auth(credentials(), service, region).add_auth(request)
        return dict(request.headers.items())

    return sign
