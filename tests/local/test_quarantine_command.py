"""`leadsrally quarantine` through the front door, with its exit codes."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.command import main
from tests.world import SETTINGS, MetaLine, Org, World

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def ask(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.setenv("DATABASE_URL", world.database.url())
    monkeypatch.setenv("LEADSRALLY_ROLE_KEY", base64.b64encode(b"r" * 32).decode())
    monkeypatch.setenv("LEADSRALLY_ENV", "development")
    monkeypatch.setenv("LEADSRALLY_HASH_KEY", SETTINGS["LEADSRALLY_HASH_KEY"])

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        return main(["quarantine", *words]), capsys.readouterr().out

    return run


@pytest.fixture
def number(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def aside(world: World, line: MetaLine, message: dict[str, Any]) -> None:
    assert world.meta(line, world.news(line, messages=[message])).status == 200


def test_nothing_is_set_aside(ask: Ask) -> None:
    assert ask("list") == (0, "0 pieces are set aside\n")
    assert ask("replay") == (0, "0 taken, 0 stay\n")


def test_what_is_not_understood_is_listed_and_stays(world: World, number: MetaLine, ask: Ask) -> None:
    aside(world, number, {"type": "text", "from": "12025550101", "text": {"body": "canary"}})
    code, told = ask("list")
    assert code == 1
    assert str(number.id) in told
    assert "message_id" in told
    code, told = ask("replay")
    assert code == 1
    assert "still:message_id" in told
    assert "0 taken, 1 stay" in told
    for canary in ("canary", "2025550101"):
        assert canary not in told


def test_a_number_that_was_connected_meanwhile_gets_its_messages(
    world: World, number: MetaLine, ask: Ask
) -> None:
    """A foreign number is no shape to learn, but a replay is the way to bring in what waited for it."""
    other = world.whatsapp_line(Org(number.organization_id, "same"))
    world.execute("UPDATE channels SET state = 'disconnected' WHERE id = %(id)s", id=other.id)
    at = str(int(world.clock.now.timestamp()))
    message = {
        "id": "wamid.1",
        "from": "12025550101",
        "timestamp": at,
        "type": "text",
        "text": {"body": "Hi"},
    }
    assert world.meta(number, world.news(other, messages=[message])).status == 200
    assert ask("replay", "--reason", "foreign_number")[0] == 1
    world.execute("UPDATE channels SET state = 'active' WHERE id = %(id)s", id=other.id)
    code, told = ask("replay", "--dry-run")
    assert (code, "1 could be taken, 0 stay" in told) == (0, True)
    assert ask("replay", "--reason", "message_id") == (0, "0 taken, 0 stay\n")
    code, told = ask("replay")
    assert (code, "1 taken, 0 stay" in told) == (0, True)
    assert world.value("SELECT body FROM messages") == "Hi"
    assert world.value("SELECT channel_id FROM conversations") == other.id
