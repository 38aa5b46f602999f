"""The organisation's profile: editable by whom it should be, by two at once without loss, and written down (P7.3)."""

from typing import Any

import pytest

from leadsrally.accounts.profile import EDITABLE
from tests.api.conftest import Client, person, problem
from tests.world import World

PATH = "/v1/organization"
EDITS: dict[str, Any] = {
    "name": "Harbour Boats",
    "help_contact": "+1 202 555 0100",
    "time_zone": "Asia/Kathmandu",
    "country": "DE",
    "language": "pt",
    "ai_scoring": False,
    "ai_suggestions": False,
    "ai_auto_reply": True,
    "ai_daily_calls": 0,
    "ai_daily_tokens": 1_000_000_000,
    "contact_daily_messages": 3,
    "contact_daily_marketing": 1,
    "marketing_opens": "09:30:00",
    "marketing_closes": "20:00:00",
    "consent_languages": ["es", "pt"],
    "stop_confirmation": "Harbour Boats: no more messages. Reply START to undo.",
    "opt_out_scope": "every_channel",
}


class TestEdit:
    def test_P7_3_everything_that_is_shown_can_be_corrected(self, client: Client):
        assert EDITS.keys() == set(EDITABLE)
        before = client.get(PATH)[1]
        status, after = client.patch(PATH, EDITS, client.etag(PATH))
        assert status == 200
        assert after == before | EDITS == client.get(PATH)[1]

    @pytest.mark.parametrize("field", EDITABLE)
    def test_what_is_left_out_stays(self, client: Client, field: str):
        before = client.get(PATH)[1]
        after = client.patch(PATH, {field: EDITS[field]}, client.etag(PATH))[1]
        assert after == before | {field: EDITS[field]}
        assert after != before

    def test_P7_3_it_is_written_down_without_a_value(self, world: World, client: Client):
        client.patch(PATH, {"name": "CANARY", "country": "DE"}, client.etag(PATH))
        row = world.row("SELECT * FROM audit_log WHERE action = 'organization.edited'")
        assert (row["actor_id"], row["target_id"]) == (client.user_id, client.org.id)
        assert row["details"] == {"fields": "name country"}
        assert "CANARY" not in str(row)

    def test_two_who_edit_at_once_lose_nothing(self, world: World, client: Client):
        other = person(world, client.org, "admin")
        etag = client.etag(PATH)
        assert client.patch(PATH, {"name": "First"}, etag)[0] == 200
        problem(other.patch(PATH, {"name": "Second"}, etag), 412, "stale")
        assert client.get(PATH)[1]["name"] == "First"
        assert other.patch(PATH, {"name": "Second"}, other.etag(PATH))[0] == 200

    @pytest.mark.parametrize(
        ("edit", "code"),
        [
            ({"marketing_opens": "21:00:00"}, "no_hours"),
            ({"marketing_opens": "12:00:00", "marketing_closes": "12:00:00"}, "no_hours"),
            ({"marketing_opens": "07:59:59"}, "malformed"),
            ({"marketing_closes": "21:00:01"}, "malformed"),
            ({"marketing_opens": "09:00:00Z"}, "malformed"),
            ({"consent_languages": ["xx"]}, "malformed"),
            (
                {"stop_confirmation": "Sorry to see you go! https://harbour.example/sale"},
                "link_in_confirmation",
            ),
        ],
        ids=str,
    )
    def test_hours_are_stricter_than_the_law_and_a_confirmation_confirms(
        self, client: Client, edit: dict[str, Any], code: str
    ):
        problem(client.patch(PATH, edit, client.etag(PATH)), 422, code)

    def test_an_edit_of_nothing_known(self, client: Client):
        problem(client.patch(PATH, {"name": "x"}, None), 428, "if_match_missing")
        problem(client.patch(PATH, {"name": "x"}, "*"), 412, "stale")
        problem(client.patch(PATH, {}, client.etag(PATH)), 422, "nothing_given")

    def test_the_answer_carries_the_next_version(self, client: Client):
        answer = client.raw("PATCH", PATH, b'{"name": "x"}', **{"if-match": client.etag(PATH)})
        assert answer.headers["etag"] == client.etag(PATH) == '"2"'

    @pytest.mark.parametrize("role", ["agent", "viewer"])
    def test_T11_who_may_only_look(self, world: World, client: Client, role: str):
        looker = person(world, client.org, role)
        problem(looker.patch(PATH, {"ai_auto_reply": True}, looker.etag(PATH)), 403, "forbidden")
        assert looker.get(PATH)[1]["ai_auto_reply"] is False


class TestRefused:
    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("time_zone", "Mars/Olympus", "time_zone_unknown"),
            ("time_zone", "America", "time_zone_unknown"),
            ("time_zone", "../../etc/passwd", "time_zone_unknown"),
            ("time_zone", "/etc/localtime", "time_zone_unknown"),
            ("time_zone", "", "time_zone_unknown"),
            ("time_zone", "utc", "time_zone_unknown"),
            ("time_zone", "x" * 65, "malformed"),
            ("country", "XX", "country_unknown"),
            ("country", "us", "country_unknown"),
            ("country", "USA", "malformed"),
            ("name", "", "malformed"),
            ("name", "   ", "malformed"),
            ("name", "x" * 201, "malformed"),
            ("name", "Harbour\r\nBcc: everyone@example.test", "malformed"),
            ("name", "tab\there", "malformed"),
            ("name", None, "malformed"),
            ("help_contact", "x" * 201, "malformed"),
            ("help_contact", "a\nb", "malformed"),
            ("language", "xx", "malformed"),
            ("ai_scoring", None, "malformed"),
            ("ai_daily_calls", -1, "malformed"),
            ("ai_daily_calls", 1_000_001, "malformed"),
            ("ai_daily_tokens", 10**10, "malformed"),
            ("contact_daily_messages", 1.5, "malformed"),
        ],
    )
    def test_what_no_organisation_is_like(
        self, world: World, client: Client, field: str, value: Any, code: str
    ):
        problem(client.patch(PATH, {field: value}, client.etag(PATH)), 422, code)
        assert world.value("SELECT version FROM organizations") == 1

    @pytest.mark.parametrize("field", ["id", "state", "version", "created_at", "organization_id", "role"])
    def test_T11_what_is_not_offered(self, world: World, client: Client, field: str):
        body = {"name": "x", field: "active"}
        problem(client.patch(PATH, body, client.etag(PATH)), 422, "malformed")
        assert world.value("SELECT version FROM organizations") == 1

    def test_a_name_is_trimmed(self, client: Client):
        assert client.patch(PATH, {"name": "  Boats "}, client.etag(PATH))[1]["name"] == "Boats"
