"""Why a message was sent or refused: from what was stored at that time, in words and with the evidence."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally.sending import gate, reasons
from tests.api.conftest import Client, Rival, problem
from tests.world import Line, World


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def why(client: Client, message_id: UUID) -> Any:
    status, told = client.get(f"/v1/messages/{message_id}/why")
    assert status == 200, told
    return told


class TestWhy:
    def test_a_refusal_shows_the_opt_out_that_stood(self, world: World, line: Line, client: Client):
        thread = world.conversation(line)
        world.text(line, "STOP")
        message = world.reply(line, thread, "Shall we say nine?")
        world.work("send_message")
        told = why(client, message)
        assert told["explanation"][0] == (
            "It was not sent: the contact has opted out, by a word such as STOP in a message of theirs."
        )
        (event,) = told["consent"]
        stop = world.value("SELECT id FROM messages WHERE body = 'STOP'")
        assert (event["action"], event["word"], event["message_id"]) == ("revoke", "stop", str(stop))

    def test_it_is_what_stood_then_and_not_what_stands_now(self, world: World, line: Line, client: Client):
        thread = world.conversation(line)
        world.text(line, "STOP")
        message = world.reply(line, thread, "Shall we say nine?")
        world.work("send_message")
        before = why(client, message)
        world.clock.pass_(seconds=60)
        world.text(line, "START")
        world.execute("UPDATE contacts SET time_zone = 'Asia/Tokyo'")
        assert why(client, message) == before

    def test_an_offer_shows_the_yes_with_its_wording_and_the_hours(
        self, world: World, line: Line, client: Client
    ):
        thread = world.conversation(line)
        world.agrees(line, wording="Yes, offers please")
        world.clock.now = at("2026-11-23T23:00:00-05:00")
        message = world.reply(line, thread, "Sale!", purpose="marketing", lifetime=timedelta(days=2))
        world.work("send_message")
        held = why(client, message)
        assert held["explanation"][0] == reasons.SENTENCES["quiet_hours"]
        world.clock.now = at("2026-11-24T09:00:00-05:00")
        world.work("send_message")
        told = why(client, message)
        assert told["consent"][0]["wording"] == "Yes, offers please"
        said = "\n".join(told["explanation"])
        for part in (
            reasons.SENTENCES["permitted"],
            "Before that it waited: an offer may not go at this time",
            "The contact agreed (offers) on ",
            "in US-DC is known by the area or country of the number",
            "in America/New_York offers may go from 08:00 to 21:00 (47 CFR 64.1200(c)(1))",
            "In the 24 hours before it 0 messages went to the contact; you allow 20.",
        ):
            assert part in said
        hours = told["verdict"]["basis"]["hours"]
        assert (hours["zones"], hours["regions"], hours["known_by"]) == (
            ["America/New_York"],
            ["US-DC"],
            "number",
        )

    def test_a_suppression_of_somebody_erased_is_told_without_an_address(
        self, world: World, line: Line, client: Client
    ):
        thread = world.conversation(line)
        world.text(line, "STOP")
        world.execute("DELETE FROM consent_states")
        world.execute("DELETE FROM consent_events")
        message = world.reply(line, thread, "Shall we say nine?")
        world.work("send_message")
        told = why(client, message)
        assert told["explanation"][0] == reasons.SENTENCES["suppressed"]
        assert "+1202" not in str(told)

    def test_what_was_never_decided(self, world: World, line: Line, client: Client):
        queued = world.reply(line, world.conversation(line), "hi")
        told = why(client, queued)
        assert (told["verdict"], told["consent"]) == (None, [])
        theirs = world.value("SELECT id FROM messages WHERE direction = 'inbound'")
        assert why(client, theirs)["explanation"] == ["The contact wrote this; nothing had to be decided."]

    def test_a_verdict_from_before_the_basis_was_kept(self, world: World, line: Line, client: Client):
        queued = world.reply(line, world.conversation(line), "hi")
        world.execute(
            """UPDATE messages SET status = 'refused',
                      verdict = '{"decision": "refuse", "rule": "expired", "at": "2026-11-01T00:00:00+00:00"}'
                WHERE id = %(id)s""",
            id=queued,
        )
        assert why(client, queued)["explanation"] == [reasons.SENTENCES["expired"]]

    def test_T1_a_message_of_another_tenant_is_none(self, world: World, client: Client, rival: Rival):
        theirs = world.value(
            "SELECT id FROM messages WHERE conversation_id = %(id)s AND direction = 'outbound'",
            id=rival.conversation,
        )
        problem(client.get(f"/v1/messages/{theirs}/why"), 404, "message_not_found")


@pytest.mark.parametrize("name", sorted({*reasons.SENTENCES}))
def test_a_sentence_is_one(name: str):
    assert reasons.sentence(name).endswith(".")


def test_every_rule_of_the_gate_has_a_sentence():
    """Each word that the gate can give, as it stands in its source."""
    import inspect
    import re

    said = set(re.findall(r'Verdict\("(?:refuse|defer|send)", "(\w+)"', inspect.getsource(gate)))
    assert len(said) > 10
    assert {rule for rule in said if reasons.sentence(rule) == reasons.OTHER} == set()
