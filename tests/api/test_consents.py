"""The consent ledger over the API: what stands and why, writing down a yes or a no, and who did."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.api.conftest import Client, Rival, problem
from tests.world import Line, World

PHONE = "+12025550101"


@pytest.fixture
def contact(world: World, line: Line) -> UUID:
    world.conversation(line)
    return world.value("SELECT id FROM contacts WHERE organization_id = %(o)s", o=line.organization_id)


def yes(world: World, **said: Any) -> dict[str, Any]:
    return {
        "channel": "sms",
        "purpose": "marketing",
        "obtained_at": world.clock.now.isoformat(),
        "method": "web_form",
        "wording": "I agree to get offers of Harbour Bikes by text message.",
        **said,
    }


def may(consent: dict[str, Any], channel: str = "sms") -> dict[str, str]:
    return {row["purpose"]: row["rule"] for row in consent["permissions"] if row["channel"] == channel}


class TestGrant:
    def test_P32_an_offer_goes_once_a_yes_is_written_down(
        self, world: World, line: Line, client: Client, contact: UUID
    ):
        thread = world.conversation(line)
        refused = world.reply(line, thread, "Sale!", purpose="marketing")
        world.work("send_message")
        assert world.message(refused)["verdict"]["rule"] == "no_marketing_consent"

        status, consent = client.post(f"/v1/consents/{contact}/grants", yes(world))
        assert (status, may(consent)) == (201, {"service": "not_refused", "marketing": "granted"})
        assert may(consent, "whatsapp")["marketing"] == "no_marketing_consent"
        sent = world.reply(line, thread, "Sale!", purpose="marketing")
        world.work("send_message")
        assert world.message(sent)["status"] == "accepted"

    def test_the_evidence_is_shown(self, world: World, client: Client, contact: UUID):
        client.post(f"/v1/consents/{contact}/grants", yes(world, reference="form 817"))
        _, page = client.get(f"/v1/consents/{contact}/events")
        (event,) = page["items"]
        email = world.value("SELECT email FROM users WHERE id = %(id)s", id=client.user_id)
        assert event["wording"] == "I agree to get offers of Harbour Bikes by text message."
        assert (event["method"], event["reference"], event["source"]) == ("web_form", "form 817", "staff")
        assert (event["actor_id"], event["actor"]) == (str(client.user_id), email)
        assert page["items"] == client.get("/v1/consents")[1]["items"]
        assert client.get(f"/v1/consents/{contact}/events?channel=email")[1]["items"] == []

    def test_S7_it_ends_no_opt_out_without_a_full_and_newer_proof(
        self, world: World, line: Line, client: Client, contact: UUID
    ):
        world.text(line, "STOP")
        path = f"/v1/consents/{contact}/grants"
        world.clock.pass_(seconds=60)
        problem(client.post(path, yes(world)), 409, "opted_out")
        old = (world.clock.now - timedelta(minutes=2)).isoformat()
        problem(client.post(path, yes(world, reference="form 817", obtained_at=old)), 409, "opted_out")
        status, consent = client.post(path, yes(world, reference="form 817"))
        assert (status, may(consent)) == (201, {"service": "opted_out_by_keyword", "marketing": "granted"})
        actions = [row["action"] for row in world.rows("SELECT action FROM audit_log ORDER BY id")]
        assert actions == ["consent.lifted"]

    def test_21610_only_the_person_ends_a_block_of_the_provider(
        self, world: World, line: Line, client: Client, contact: UUID
    ):
        world.text(line, "STOP", OptOutType="STOP")
        world.clock.pass_(seconds=60)
        answer = client.post(f"/v1/consents/{contact}/grants", yes(world, reference="form 817"))
        problem(answer, 409, "blocked_at_provider")

    def test_a_yes_that_is_yet_to_come_is_none(self, world: World, client: Client, contact: UUID):
        late = (world.clock.now + timedelta(seconds=1)).isoformat()
        answer = client.post(f"/v1/consents/{contact}/grants", yes(world, obtained_at=late))
        problem(answer, 422, "not_yet")

    def test_the_same_key_writes_it_down_once(self, world: World, client: Client, contact: UUID):
        body = yes(world)
        first = client.post(f"/v1/consents/{contact}/grants", body, **{"idempotency-key": "k"})
        world.clock.pass_(seconds=5)
        assert client.post(f"/v1/consents/{contact}/grants", body, **{"idempotency-key": "k"}) == first
        assert world.value("SELECT count(*) FROM consent_events") == 1


class TestRevoke:
    def test_P74_it_holds_at_once_for_what_is_queued(
        self, world: World, line: Line, client: Client, contact: UUID
    ):
        world.agrees(line)
        queued = world.reply(line, world.conversation(line), "Sale!", purpose="marketing")
        status, consent = client.post(
            f"/v1/consents/{contact}/revocations", {"method": "spoken", "reference": "call"}
        )
        assert status == 201
        for channel in ("sms", "whatsapp", "email"):
            assert set(may(consent, channel).values()) == {"opted_out_by_staff"}
        world.work("send_message")
        assert world.message(queued)["verdict"]["rule"] == "opted_out_by_staff"

    def test_one_channel_and_one_purpose(self, world: World, line: Line, client: Client, contact: UUID):
        world.agrees(line)
        body = {"channel": "sms", "purpose": "marketing"}
        _, consent = client.post(f"/v1/consents/{contact}/revocations", body)
        assert may(consent) == {"service": "not_refused", "marketing": "opted_out_by_staff"}
        assert may(consent, "email")["service"] == "not_refused"

    def test_what_staff_took_away_staff_cannot_give_back_without_proof(
        self, world: World, client: Client, contact: UUID
    ):
        client.post(f"/v1/consents/{contact}/revocations", {})
        world.clock.pass_(seconds=60)
        problem(client.post(f"/v1/consents/{contact}/grants", yes(world)), 409, "opted_out")

    def test_G6_each_is_in_the_audit_log_without_content(self, world: World, client: Client, contact: UUID):
        client.post(f"/v1/consents/{contact}/revocations", {"channel": "sms", "reference": "canary"})
        row = world.row("SELECT action, actor_id, target_id, details FROM audit_log")
        assert (row["action"], row["actor_id"], row["target_id"]) == (
            "consent.revoked",
            client.user_id,
            contact,
        )
        assert row["details"] == {"channel": "sms", "purpose": "all"}


class TestStrangers:
    def test_T1_a_contact_of_another_tenant_is_no_contact(self, world: World, client: Client, rival: Rival):
        theirs = world.value("SELECT contact_id FROM conversations WHERE id = %(id)s", id=rival.conversation)
        for answer in (
            client.get(f"/v1/consents/{theirs}"),
            client.get(f"/v1/consents/{theirs}/events"),
            client.post(f"/v1/consents/{theirs}/grants", yes(world)),
            client.post(f"/v1/consents/{theirs}/revocations", {}),
        ):
            problem(answer, 404, "contact_not_found")
        assert world.rows("SELECT 1 FROM consent_events") == []
