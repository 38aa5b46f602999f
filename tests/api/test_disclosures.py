"""GET /v1/disclosures: who was told what about whom (P4.7; GDPR Art. 15(1)(c), CJEU C-154/21)."""

from collections import Counter
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from leadsrally import runtime
from tests.api.conftest import Client, Rival, problem
from tests.world import Line, World


@pytest.fixture
def contact(world: World, client: Client, line: Line) -> UUID:
    """Somebody who was scored and answered."""
    thread = world.conversation(line)
    world.score()
    world.clock.pass_(seconds=1)
    world.reply(line, thread, "We open at nine")
    world.work("send_message")
    return world.value("SELECT contact_id FROM conversations WHERE id = %(id)s", id=thread)


def told(client: Client, query: str = "") -> list[dict[str, Any]]:
    status, page = client.get(f"/v1/disclosures{query}")
    assert status == 200, page
    return page["items"]


class TestList:
    def test_each_transfer_with_kinds_and_no_content(self, client: Client, contact: UUID):
        rows = told(client, f"?contact_id={contact}")
        assert [(row["recipient"], row["purpose"], row["data_kinds"]) for row in rows] == [
            ("twilio", "deliver_message", ["phone", "message_text"]),
            ("anthropic", "score_message", ["redacted_message_text"]),
        ]
        assert {row["contact_id"] for row in rows} == {str(contact)}
        assert all(row["message_id"] for row in rows)
        assert "nine" not in str(rows)

    def test_who_hosts_is_said_once(self, client: Client, monkeypatch: pytest.MonkeyPatch):
        assert [host["recipient"] for host in client.get("/v1/disclosures")[1]["hosted_by"]] == ["railway"]
        monkeypatch.setitem(runtime.of("api").settings._values, "LEADSRALLY_HOSTED_BY", "aws,railway")
        hosts = client.get("/v1/disclosures")[1]["hosted_by"]
        assert [host["recipient"] for host in hosts] == ["railway", "aws"]

    @pytest.mark.parametrize("whom", ["contact", "everybody"])
    def test_filters(self, world: World, client: Client, contact: UUID, whom: str):
        one = f"contact_id={contact}&" if whom == "contact" else ""
        assert [row["recipient"] for row in told(client, f"?{one}recipient=twilio")] == ["twilio"]
        assert [row["recipient"] for row in told(client, f"?{one}recipient=meta")] == []
        sent, scored = told(client)
        at = quote(sent["disclosed_at"])
        assert told(client, f"?{one}since={at}") == [row for row in (sent, scored) if row["disclosed_at"] >= sent["disclosed_at"]]  # fmt: skip
        assert told(client, f"?{one}until={quote(scored['disclosed_at'])}") == []
        problem(client.get(f"/v1/disclosures?{one}recipient=nobody"), 422, "malformed")
        problem(client.get(f"/v1/disclosures?{one}since=yesterday"), 422, "malformed")

    def test_pages(self, client: Client, contact: UUID):
        for one in ("", f"&contact_id={contact}"):
            seen, cursor = [], ""
            while cursor is not None:
                _, page = client.get(f"/v1/disclosures?limit=1&cursor={cursor}{one}")
                seen += [row["recipient"] for row in page["items"]]
                cursor = page["next"]
            assert seen == ["twilio", "anthropic"]

    def test_no_row_is_lost_where_ids_and_instants_disagree(
        self, world: World, client: Client, contact: UUID
    ):
        """Ids are made of milliseconds, instants have microseconds."""
        assert client.post("/v1/exports", {})[0] == 202
        world.work("export")
        (export,) = world.rows("SELECT id FROM exports")
        for subprocessor, step in (("twilio", 1), ("anthropic", -1)):
            world.execute(
                """UPDATE disclosures
                      SET id = %(id)s,
                          disclosed_at = (SELECT requested_at FROM exports) - %(step)s * interval '1 microsecond'
                    WHERE subprocessor = %(subprocessor)s""",
                id=UUID(int=export["id"].int + step),
                step=step,
                subprocessor=subprocessor,
            )
        for one in ("", f"&contact_id={contact}"):
            seen, cursor = [], ""
            while cursor is not None:
                _, page = client.get(f"/v1/disclosures?limit=1&cursor={cursor}{one}")
                seen += [row["recipient"] for row in page["items"]]
                cursor = page["next"]
            assert sorted(seen) == ["anthropic", "customer", "twilio"], one


class TestTruth:
    def test_E16_whom_a_person_is_told_of_is_who_was_sent_something(
        self, world: World, client: Client, line: Line, contact: UUID
    ):
        """What providers were really handed is what stands in the person's own export, each time and nothing besides."""
        thread = world.value("SELECT id FROM conversations WHERE contact_id = %(id)s", id=contact)
        for words in ("And at the weekend?", "Thank you"):
            world.clock.pass_(minutes=1)
            world.text(line, words)
            world.score()
            world.reply(line, thread, f"An answer to {words}")
            world.work("send_message")
        world.text(line, "Somebody else", sender="+12025550144")
        world.score()
        asked = {"anthropic": len(world.scorer.shown) - 1, "twilio": len(world.sender.texts)}
        assert asked == {"anthropic": 3, "twilio": 3}
        rows = told(client, f"?contact_id={contact}")
        assert Counter(row["recipient"] for row in rows) == asked
        sent = {str(text.message_id) for text in world.sender.texts}
        assert {row["message_id"] for row in rows if row["recipient"] == "twilio"} == sent


class TestExports:
    """What a customer was handed of a person is a transfer too, and is not written down for each person."""

    def export(self, world: World, client: Client, contact: UUID | None) -> str:
        status, made = client.post("/v1/exports", {"contact_id": str(contact)} if contact else {})
        assert status == 202
        world.work("export")
        return made["id"]

    def test_of_this_person_and_of_everybody(self, world: World, client: Client, contact: UUID, line: Line):
        other = world.value(
            "SELECT contact_id FROM conversations WHERE id = %(id)s",
            id=world.conversation(line, sender="+12025550144"),
        )
        world.clock.pass_(seconds=1)
        own = self.export(world, client, contact)
        world.clock.pass_(seconds=1)
        whole = self.export(world, client, None)
        world.clock.pass_(seconds=1)
        late = world.value(
            "SELECT contact_id FROM conversations WHERE id = %(id)s",
            id=world.conversation(line, sender="+12025550145"),
        )
        handed = [row["export_id"] for row in told(client, f"?contact_id={contact}&recipient=customer")]
        assert handed == [whole, own]
        assert [row["export_id"] for row in told(client, f"?contact_id={other}")] == [whole]
        assert told(client, f"?contact_id={late}") == []
        rows = told(client, "?recipient=customer")
        assert [(row["export_id"], row["contact_id"]) for row in rows] == [(whole, None), (own, str(contact))]
        assert {row["person_id"] for row in rows} == {str(client.user_id)}

    def test_one_that_was_never_made_handed_nothing_over(self, world: World, client: Client, contact: UUID):
        assert client.post("/v1/exports", {"contact_id": str(contact)})[0] == 202
        assert told(client, "?recipient=customer") == []


class TestForeign:
    def test_T2_of_another_tenants_contact_nothing_is_known(self, world: World, client: Client, rival: Rival):
        contact = world.value("SELECT contact_id FROM conversations WHERE id = %(id)s", id=rival.conversation)
        problem(client.get(f"/v1/disclosures?contact_id={contact}"), 404, "contact_not_found")
        assert told(client) == []

    def test_of_somebody_merged_the_id_leads_on(
        self, world: World, client: Client, contact: UUID, line: Line
    ):
        other = world.value(
            "SELECT contact_id FROM conversations WHERE id = %(id)s",
            id=world.conversation(line, sender="+12025550144"),
        )
        assert client.post(f"/v1/contacts/{other}/merges/{contact}")[0] == 201
        assert len(told(client, f"?contact_id={contact}")) == 2
        assert len(told(client, f"?contact_id={other}")) == 2


class TestTimeline:
    def test_a_transfer_is_part_of_what_happened(self, client: Client, contact: UUID):
        rows = client.get(f"/v1/contacts/{contact}/timeline")[1]["items"]
        shown = [row["told"]["recipient"] for row in rows if row["kind"] == "disclosure"]
        assert sorted(shown) == ["anthropic", "twilio"]
