"""What Resend tells us: once, in any order, and obeyed (P4.5)."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from leadsrally import runtime
from tests.notices.conftest import Office
from tests.world import Answer, World

HARD = {"bounce": {"type": "Permanent", "subType": "General", "message": "agent@harbour.example is unknown"}}
SOFT = {"bounce": {"type": "Transient", "subType": "MailboxFull", "message": "full"}}


@pytest.fixture
def mailed(office: Office) -> dict[str, Any]:
    """A notice to the agent, taken by the provider."""
    office.happens("role_changed", user_id=office.agent)
    return office.notice()


def blocked(office: Office) -> str | None:
    return office.world.value("SELECT mail_blocked_because FROM users WHERE id = %(id)s", id=office.agent)


def calls(world: World) -> list[dict[str, Any]]:
    return world.rows(
        "SELECT organization_id, provider, kind, outcome, reason, http_status, host(source_ip) AS ip, channel_id,"
        " message_id FROM delivery_log ORDER BY received_at, id"
    )


class TestReports:
    @pytest.mark.parametrize(
        ("event", "data", "state", "because"),
        [
            ("sent", {}, "taken", None),
            ("delivery_delayed", {}, "taken", None),
            ("delivered", {}, "delivered", None),
            ("bounced", HARD, "bounced", "bounced"),
            ("bounced", SOFT, "bounced", None),
            ("complained", {}, "complained", "complained"),
            ("suppressed", {"suppressed": {"type": "x", "message": "x"}}, "suppressed", "suppressed"),
            ("failed", {"failed": {"reason": "reached_daily_quota"}}, "failed", None),
        ],
    )
    def test_each_advances_the_notice_and_blocks_if_it_must(
        self, office: Office, mailed: dict[str, Any], event: str, data: Any, state: str, because: str | None
    ):
        assert office.hears(event, mailed, **data) == 200
        after = office.notice()
        assert (after["state"], blocked(office)) == (state, because)
        assert (after["delivered_at"] is not None) == (event == "delivered")
        assert (after["returned_at"] is not None) == (state not in ("taken", "delivered"))
        told = office.world.row("SELECT event, reason, notice_id FROM notice_events")
        assert (told["notice_id"], "harbour" in str(told)) == (mailed["id"], False)

    def test_P4_5_nothing_more_is_mailed_after_it(self, office: Office, mailed: dict[str, Any]):
        office.hears("complained", mailed)
        assert office.told("password_changed", user_id=office.agent) == []
        assert len(office.notices(user_id=office.agent)) == 2  # and both are in product

    def test_one_persons_block_is_no_other_persons(self, office: Office):
        office.happens("api_key_created", key_id=office.api_key())
        office.hears("bounced", office.notice(user_id=office.owner), **HARD)
        assert blocked(office) is None
        rows = office.world.rows("SELECT id FROM users WHERE mail_blocked_at IS NOT NULL")
        assert [row["id"] for row in rows] == [office.owner]

    def test_a_person_with_another_address_by_now_is_not_blocked_for_the_old_one(
        self, office: Office, mailed: dict[str, Any]
    ):
        office.world.execute(
            "UPDATE users SET email = 'new@harbour.example' WHERE id = %(id)s", id=office.agent
        )
        office.hears("bounced", mailed, **HARD)
        assert (office.notice()["state"], blocked(office)) == ("bounced", None)

    @pytest.mark.parametrize(
        ("kind", "table", "cause"),
        [
            ("verify_signup", "signups", lambda o: {"signup_id": o.signup()}),
            ("invitation", "invitations", lambda o: {"invitation_id": o.invitation()}),
        ],
    )
    def test_an_address_of_nobody_yet_is_marked_too(
        self, office: Office, kind: str, table: str, cause: Callable[[Office], dict[str, Any]]
    ):
        ids = cause(office)
        office.happens(kind, **ids)
        office.hears("bounced", office.notice(), **HARD)
        marked = office.world.row(
            f"SELECT mail_blocked_because, mail_blocked_at IS NOT NULL AS at FROM {table}"
        )
        assert marked == {"mail_blocked_because": "bounced", "at": True}
        assert office.world.value("SELECT count(*) FROM users WHERE mail_blocked_at IS NOT NULL") == 0
        assert office.told(kind, **ids) == []

    def test_the_row_says_no_content(self, office: Office, mailed: dict[str, Any]):
        office.hears("bounced", mailed, **HARD)
        assert calls(office.world) == [
            {
                "organization_id": office.org.id,
                "provider": "resend",
                "kind": "event",
                "outcome": "applied",
                "reason": None,
                "http_status": 200,
                "ip": "203.0.113.7",
                "channel_id": None,
                "message_id": None,
            }
        ]


class TestOrder:
    @pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "complained"])))
    def test_W10_any_order_ends_the_same(
        self, office: Office, mailed: dict[str, Any], order: tuple[str, ...]
    ):
        for event in order:
            assert office.hears(event, mailed) == 200
        after = office.notice()
        assert (after["state"], blocked(office)) == ("complained", "complained")
        assert all(after[name] for name in ("taken_at", "delivered_at", "returned_at"))

    def test_W10_a_report_that_is_quicker_than_the_providers_answer(self, office: Office):
        office.world.mailer.on_send = lambda mail: (
            office.hears("delivered", office.notice(id=mail.key)) and None
        )
        office.happens("role_changed", user_id=office.agent)
        after = office.notice()
        assert (after["state"], after["provider_id"]) == ("delivered", "4ef9a417-02e9-4d39-ad75-9611e0fcc33c")

    def test_W8_the_same_report_many_times_at_once_is_one(self, office: Office, mailed: dict[str, Any]):
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(lambda _: office.hears("bounced", mailed, event_id="msg_same", **HARD), range(24))
            )
        assert set(answers) == {200}
        assert office.world.value("SELECT count(*) FROM notice_events") == 1
        outcomes = sorted(call["outcome"] for call in calls(office.world))
        assert outcomes == ["applied", *["duplicate"] * 23]

    def test_W9_a_repeat_does_not_block_again_what_was_put_right(
        self, office: Office, mailed: dict[str, Any]
    ):
        office.hears("bounced", mailed, event_id="msg_1", **HARD)
        office.world.execute("UPDATE users SET mail_blocked_at = NULL, mail_blocked_because = NULL")
        office.world.clock.pass_(hours=10)  # as late as Resend tries again, signed anew
        assert office.hears("bounced", mailed, event_id="msg_1", **HARD) == 200
        assert blocked(office) is None

    def test_W9_a_notice_that_is_gone_stays_gone(self, office: Office, mailed: dict[str, Any]):
        office.world.execute("DELETE FROM users WHERE id = %(id)s", id=office.agent)
        assert office.notices() == []
        assert office.hears("bounced", mailed, **HARD) == 200
        assert office.notices() == []
        assert calls(office.world)[-1]["outcome"] == "ignored"


class TestOfNoInterest:
    def test_unknown_events_are_accepted_and_belong_to_nobody(self, office: Office, mailed: dict[str, Any]):
        for told in (
            {"type": "contact.created", "data": {"email": "canary@example.test"}},
            office.world.mail_event("email.opened", organization_id=office.org.id, notice_id=mailed["id"]),
            office.world.mail_event(
                "email.bounced", organization_id=office.org.id, notice_id=uuid4(), **HARD
            ),
            office.world.mail_event("email.bounced", organization_id=uuid4(), notice_id=mailed["id"], **HARD),
        ):
            assert office.world.resend(told).status == 200
        assert [(call["outcome"], call["organization_id"]) for call in calls(office.world)] == [
            ("ignored", None)
        ] * 4
        assert (office.notice()["state"], blocked(office)) == ("taken", None)

    def test_T13_a_tag_of_another_organisation_reaches_nobody(self, office: Office, mailed: dict[str, Any]):
        rival = office.world.organization("Rival")
        told = office.world.mail_event(
            "email.bounced", organization_id=rival.id, notice_id=mailed["id"], **HARD
        )
        assert office.world.resend(told).status == 200
        assert (office.notice()["state"], blocked(office)) == ("taken", None)


class TestRefused:
    def test_each_refusal_leaves_a_row_and_changes_nothing(self, office: Office, mailed: dict[str, Any]):
        world = office.world
        told = world.mail_event(
            "email.bounced", organization_id=office.org.id, notice_id=mailed["id"], **HARD
        )
        tried: list[tuple[int, Callable[[], Answer]]] = [
            (403, lambda: world.call("/webhooks/resend", headers={}, body=json.dumps(told).encode())),
            (403, lambda: world.resend(told, secret=b"x" * 32)),
            (422, lambda: world.resend(b"no json")),
            (422, lambda: world.resend(b"[" * 60_000)),
            (413, lambda: world.resend(b'{"type": "x", "data": "' + b"x" * 65_536 + b'"}')),
        ]
        for status, call in tried:
            assert call().status == status
            world.clock.pass_(seconds=1)  # so that the rows have an order
        assert [(call["outcome"], call["reason"], call["http_status"]) for call in calls(world)] == [
            ("refused", "signature_missing", 403),
            ("refused", "signature", 403),
            ("refused", "event_unreadable", 422),
            ("refused", "event_unreadable", 422),
            ("refused", "body_too_large", 413),
        ]
        assert (office.notice()["state"], blocked(office)) == ("taken", None)

    def test_the_body_counts_byte_for_byte(self, office: Office, mailed: dict[str, Any]):
        told = office.world.mail_event(
            "email.delivered", organization_id=office.org.id, notice_id=mailed["id"], subject="Bestätigen 🚲"
        )
        raw = json.dumps(told, ensure_ascii=False).encode()
        assert office.world.resend(raw).status == 200
        assert office.world.resend(raw, base64_body=True).status == 200

    def test_W14_without_a_database_it_comes_again(self, office: Office, mailed: dict[str, Any]):
        door = runtime.of("webhook_resend")
        door.db.close()
        door.db._url = "postgresql://nobody@127.0.0.1:1/nowhere"
        assert office.hears("delivered", mailed) == 503
        assert office.notice()["state"] == "taken"

    def test_O4_something_unforeseen_is_a_5xx_without_a_word(
        self, office: Office, mailed: dict[str, Any], capfd: pytest.CaptureFixture[str]
    ):
        office.world.execute("ALTER TABLE notice_events RENAME COLUMN reason TO canary_column")
        capfd.readouterr()
        assert office.hears("bounced", mailed, **HARD) == 500
        said = capfd.readouterr().out
        assert '"unexpected.error"' in said
        assert "harbour" not in said
        assert calls(office.world)[-1]["reason"] == "broken"
        assert office.notice()["state"] == "taken"
