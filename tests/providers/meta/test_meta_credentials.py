"""Meta's secrets at rest: whole or refused, and never shown."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from leadsrally.kit.errors import Misconfigured
from leadsrally.providers.meta.credentials import MetaCredentials, MetaReplacement

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


UNTIL = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
HELD = MetaCredentials(("first",), "word", "token")


class TestRenewed:
    def test_an_app_secret_takes_the_first_place_and_the_old_one_verifies_for_a_while(self):
        renewed = HELD.renewed(MetaReplacement(app_secret="second"), UNTIL)
        assert renewed == MetaCredentials(("second", "first"), "word", "token", UNTIL)
        assert MetaCredentials.from_json(renewed.to_json()) == renewed
        assert renewed.at(UNTIL - timedelta(microseconds=1)).app_secrets == ("second", "first")
        assert renewed.at(UNTIL).app_secrets == ("second",)
        assert renewed.renewed(MetaReplacement(app_secret="third"), UNTIL).app_secrets == ("third", "second")

    def test_the_same_secret_again_changes_nothing(self):
        assert HELD.renewed(MetaReplacement(app_secret="first"), UNTIL) == HELD

    def test_what_is_left_out_stays(self):
        assert HELD.renewed(MetaReplacement(), UNTIL) == HELD
        assert HELD.renewed(MetaReplacement(access_token="new"), UNTIL).access_token == "new"
        assert HELD.renewed(MetaReplacement(verify_token="new"), UNTIL).verify_token == "new"

    def test_a_document_of_before_has_no_end(self):
        held = MetaCredentials.from_json(b'{"app_secrets":["a","b"],"verify_token":"v","access_token":"t"}')
        assert held.at(UNTIL) == held

    @pytest.mark.parametrize("until", ['"soon"', '"2026-11-25T09:00:00"', "7"])
    def test_an_end_that_is_no_moment_is_not_read(self, until: str):
        document = f'{{"app_secrets":["a"],"verify_token":"v","access_token":"t","previous_until":{until}}}'
        with pytest.raises(Misconfigured):
            MetaCredentials.from_json(document.encode())

    def test_a_replacement_comes_back_and_shows_nothing(self):
        given = MetaReplacement(app_secret="canary-a", access_token="canary-b")
        assert MetaReplacement.from_json(given.to_json()) == given
        assert "canary" not in repr(given)

    @pytest.mark.parametrize(
        "document", [b"", b"[]", b"{}", b'{"app_secret":1,"verify_token":null,"access_token":null}',
                     b'{"app_secret":"","verify_token":null,"access_token":null}']
    )  # fmt: skip
    def test_a_replacement_that_is_none_is_not_read(self, document: bytes):
        with pytest.raises(Misconfigured):
            MetaReplacement.from_json(document)
