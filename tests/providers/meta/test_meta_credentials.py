"""Meta's secrets at rest: whole or refused, and never shown."""

import json

import pytest

from leadsrally.kit.errors import Misconfigured
from leadsrally.providers.meta.credentials import MetaCredentials

SECRETS = MetaCredentials(("new-secret", "old-secret"), "verify-word", "EAAG-token")


def test_they_come_back_as_they_were() -> None:
    assert MetaCredentials.from_json(SECRETS.to_json()) == SECRETS


def test_nothing_of_them_is_shown() -> None:
    assert repr(SECRETS) == "MetaCredentials()"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"[" * 100_000,
        json.dumps({"app_secrets": [], "verify_token": "v", "access_token": "a"}).encode(),
        json.dumps({"app_secrets": [""], "verify_token": "v", "access_token": "a"}).encode(),
        json.dumps({"app_secrets": "abc", "verify_token": "v", "access_token": "a"}).encode(),
        json.dumps({"app_secrets": ["s", 1], "verify_token": "v", "access_token": "a"}).encode(),
        json.dumps({"app_secrets": ["s"], "verify_token": None, "access_token": "a"}).encode(),
        json.dumps({"app_secrets": ["s"], "verify_token": "v"}).encode(),
    ],
)
def test_anything_else_is_refused_without_being_quoted(document: bytes) -> None:
    with pytest.raises(Misconfigured) as refused:
        MetaCredentials.from_json(document)
    assert str(refused.value) == "The stored Meta credentials cannot be read. Connect the channel again."
