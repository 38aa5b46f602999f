"""Is it from Resend, and what does it say: known answers, everything that is to be refused, and any bytes at all."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
import resend
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.errors import Forbidden, Invalid, Misconfigured
from leadsrally.notices.types import MailReport
from leadsrally.providers.resend.webhook import parse, secrets_of, verify

CASES: list[dict[str, str]] = json.loads(
    (Path(__file__).parents[2] / "cases" / "resend" / "signatures.json").read_text("utf-8")
)
OWN = CASES[1]
ORG, NOTICE = UUID(int=1), UUID(int=2)


def at(case: Mapping[str, str]) -> datetime:
    return datetime.fromtimestamp(int(case["timestamp"]), UTC)


def check(
    case: Mapping[str, str], *, now: datetime | None = None, secret: str | None = None, **headers: str
) -> str:
    sent = {
        "svix-id": case["msg_id"],
        "svix-timestamp": case["timestamp"],
        "svix-signature": case["signature"],
    }
    sent |= {f"svix-{name}": value for name, value in headers.items()}
    keys = secrets_of(secret or case["secret"])
    return verify(case["payload"].encode(), sent, keys, now=now or at(case))


def signed(case: Mapping[str, str], **changes: str) -> dict[str, str]:
    """The case with these changes, and a signature that fits them."""
    changed = {**case, **changes}
    key = base64.b64decode(changed["secret"].removeprefix("whsec_"))
    text = f"{changed['msg_id']}.{changed['timestamp']}.{changed['payload']}".encode()
    changed["signature"] = "v1," + base64.b64encode(hmac.digest(key, text, "sha256")).decode()
    return changed


def refused(code: str, case: Mapping[str, str], **how: Any) -> None:
    with pytest.raises(Forbidden) as refusal:
        check(case, **how)
    assert refusal.value.code == code


class TestVerify:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
    def test_known_answers(self, case: dict[str, str]):
        assert check(case) == case["msg_id"]

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
    def test_the_sdk_of_the_provider_agrees(self, case: dict[str, str]):
        headers = {"id": case["msg_id"], "timestamp": case["timestamp"], "signature": case["signature"]}
        options: Any = {"payload": case["payload"], "headers": headers, "webhook_secret": case["secret"]}
        with mock.patch("time.time", return_value=float(case["timestamp"])):
            assert resend.Webhooks.verify(options) == json.loads(case["payload"])

    def test_W1_a_header_is_missing_or_empty(self):
        for name in ("id", "timestamp", "signature"):
            refused("signature_missing", OWN, **{name: ""})
        with pytest.raises(Forbidden):
            verify(OWN["payload"].encode(), {}, secrets_of(OWN["secret"]), now=at(OWN))

    def test_W2_another_secret(self):
        refused("signature", OWN, secret="whsec_" + base64.b64encode(b"x" * 24).decode())

    def test_W3_one_character_of_anything_is_different(self):
        refused("signature", {**OWN, "payload": OWN["payload"].replace("bounced", "bouncee")})
        refused("signature", {**OWN, "payload": OWN["payload"] + " "})
        refused("signature", OWN, id="msg_test_0002")
        refused("signature", OWN, timestamp="1700000001")
        refused("signature", CASES[0], signature="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=")

    def test_the_secrets_text_is_not_the_key(self):
        refused("signature", OWN, signature="v1,OpvJuam5rT0DjxhFNcoK67ehis/O4PMrd+1cDtSFpGc=")

    @pytest.mark.parametrize(
        "others",
        ["v1,AAAA {}", "v1a,AAAA {} v2,BBBB", "nonsense {}", "v1, {}", "v1,g0hM9SsE {} v1,x", "{} é", "{}  "],
    )
    def test_one_that_fits_among_several(self, others: str):
        assert check(OWN, signature=others.format(OWN["signature"]))

    @pytest.mark.parametrize("version", ["", "v2,", "v1a,", "V1,", "v1", "v1,v1,"])
    def test_the_right_value_under_another_version(self, version: str):
        refused("signature", OWN, signature=version + OWN["signature"].removeprefix("v1,"))

    @pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
    def test_five_minutes_either_way(self, seconds: int):
        assert check(OWN, now=at(OWN) + timedelta(seconds=seconds))

    @pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
    def test_older_or_newer_is_refused(self, seconds: int):
        refused("signature_time", OWN, now=at(OWN) + timedelta(seconds=seconds))

    @pytest.mark.parametrize(
        "timestamp",
        ["-1700000000", "1700000000.0", "1.7e9", " 1700000000", "+1700000000", "١٧٠٠٠٠٠٠٠٠", "x", "9" * 400],
    )
    def test_a_timestamp_that_is_no_count_of_seconds(self, timestamp: str):
        """Genuinely signed, so that only the timestamp's form is tried."""
        refused("signature_unreadable", signed(OWN, timestamp=timestamp), now=at(OWN))

    def test_an_id_that_could_not_be_kept(self):
        for identifier in ("a b", "a\x00", "é", "x" * 256):
            refused("signature_unreadable", signed(OWN, msg_id=identifier))

    def test_W18_two_secrets_while_one_takes_the_others_place(self):
        new = "whsec_" + base64.b64encode(b"n" * 24).decode()
        before, after = OWN, signed({**OWN, "secret": new})
        for case in (before, after):
            assert check(case, secret=f"{new},{OWN['secret']}")
            assert check(case, secret=f"{OWN['secret']}, {new}")
        assert check(after, secret=new)
        refused("signature", before, secret=new)

    @pytest.mark.parametrize(
        "setting",
        [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!!",
            "whsec_c2hvcnQ=",
            f"{OWN['secret']},",
        ],
    )
    def test_a_setting_that_is_no_secret_stops_the_start(self, setting: str):
        with pytest.raises(Misconfigured) as stopped:
            secrets_of(setting)
        assert setting.removeprefix("whsec_") in ("", "!!!") or setting not in str(stopped.value)

    @given(st.binary(max_size=200), st.text(max_size=80), st.text(max_size=80), st.text(max_size=120))
    def test_anything_else_is_refused(self, body: bytes, event_id: str, timestamp: str, signature: str):
        headers = {"svix-id": event_id, "svix-timestamp": timestamp, "svix-signature": signature}
        with pytest.raises(Forbidden):
            verify(body, headers, secrets_of(OWN["secret"]), now=at(OWN))


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "created_at": "2026-11-23T10:00:00.000Z",
        "data": {
            "email_id": "4ef9a417-02e9-4d39-ad75-9611e0fcc33c",
            "to": ["canary@example.test"],
            "tags": {"organization": str(ORG), "notice": str(NOTICE)},
            **data,
        },
    }


def read(told: Any) -> MailReport | None:
    return parse("msg_1", json.dumps(told).encode())


class TestParse:
    def test_a_report_of_a_mail(self):
        assert read(event("email.delivered")) == MailReport(
            id="msg_1",
            event="delivered",
            organization_id=ORG,
            notice_id=NOTICE,
            provider_id="4ef9a417-02e9-4d39-ad75-9611e0fcc33c",
            occurred_at=datetime(2026, 11, 23, 10, tzinfo=UTC),
        )

    @pytest.mark.parametrize(
        ("kind", "data", "said", "reason", "blocks"),
        [
            ("email.sent", {}, "sent", None, None),
            ("email.delivery_delayed", {}, "delayed", None, None),
            ("email.complained", {}, "complained", None, "complained"),
            (
                "email.failed",
                {"failed": {"reason": "reached_daily_quota"}},
                "failed",
                "reached_daily_quota",
                None,
            ),
            (
                "email.suppressed",
                {"suppressed": {"message": "to canary@example.test", "type": "OnAccountSuppressionList"}},
                "suppressed",
                "on_account_suppression_list",
                "suppressed",
            ),
            (
                "email.bounced",
                {
                    "bounce": {
                        "type": "Permanent",
                        "subType": "NoEmail",
                        "message": "canary@example.test unknown",
                    }
                },
                "bounced",
                "permanent_no_email",
                "bounced",
            ),
            (
                "email.bounced",
                {"bounce": {"type": "Transient", "subType": "MailboxFull", "message": "full"}},
                "bounced",
                "transient_mailbox_full",
                None,
            ),
            ("email.bounced", {"bounce": {"type": "Undetermined"}}, "bounced", "undetermined", None),
            ("email.bounced", {}, "bounced", None, None),
            ("email.bounced", {"bounce": "Permanent"}, "bounced", None, None),
            (
                "email.failed",
                {"failed": {"reason": "canary@example.test said: " + "x" * 50}},
                "failed",
                None,
                None,
            ),
        ],
    )
    def test_what_each_says_and_whether_it_blocks(
        self, kind: str, data: dict[str, Any], said: str, reason: str | None, blocks: str | None
    ):
        report = read(event(kind, **data))
        assert report is not None
        assert (report.event, report.reason, report.blocks) == (said, reason, blocks)
        assert "canary" not in repr(report)

    @pytest.mark.parametrize(
        "told",
        [
            *(event(kind) for kind in ("email.opened", "email.clicked", "email.scheduled", "email.received")),
            {"type": "contact.created", "created_at": "2026-11-23T10:00:00Z", "data": {}},
            {"type": "suppression.added", "data": {"email": "x"}},
            {"type": "something.new"},
            event("email.bounced", tags={}),
            event("email.bounced", tags=None),
            event("email.bounced", tags=[{"name": "organization", "value": str(ORG)}]),
            event("email.bounced", tags={"organization": str(ORG), "notice": "x"}),
            event("email.bounced", tags={"organization": 7, "notice": str(NOTICE)}),
            {**event("email.bounced"), "created_at": "yesterday"},
            {**event("email.bounced"), "created_at": "2026-11-23T10:00:00"},
            {**event("email.bounced"), "created_at": None},
            {**event("email.bounced"), "data": []},
        ],
    )
    def test_what_is_of_no_interest(self, told: dict[str, Any]):
        assert read(told) is None

    @pytest.mark.parametrize("identifier", [7, None, "", "a b", "x\x00", "x" * 256, ["x"]])
    def test_an_id_that_cannot_be_kept_is_left_out(self, identifier: Any):
        report = read(event("email.delivered", email_id=identifier))
        assert report is not None
        assert report.provider_id is None

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b'"x"',
            b"{}",
            b'{"type": 7}',
            b"\xff",
            b"[" * 100_000,
            b'{"type": [1e400]}',
        ],
    )
    def test_W12_a_body_that_is_no_event(self, body: bytes):
        with pytest.raises(Invalid):
            parse("msg_1", body)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        )
    )
    def test_any_json_is_read_or_refused(self, told: Any):
        try:
            read(told)
        except Invalid:
            return
        try:
            read({**event("email.bounced"), "data": told, "created_at": told})
        except Invalid:
            pytest.fail("it has a type")
