"""The id of a record that was merged into another one leads on to it, in every path that names a contact."""

from uuid import UUID

import pytest

from tests.api.conftest import Client, person
from tests.world import Line, Org, World


@pytest.fixture
def client(world: World, org: Org) -> Client:
    return person(world, org)


@pytest.fixture
def ids(world: World, org: Org, line: Line, client: Client) -> tuple[str, str]:
    """Who stays, and whose record is gone: somebody who has written."""
    world.text(line, "Hello", sender="+12025550111")
    loser = str(world.value("SELECT id FROM contacts"))
    _, made = client.post("/v1/contacts", {"name": "Ada", "email": "ada@example.test"})
    assert client.post(f"/v1/contacts/{made['id']}/merges/{loser}")[0] == 201
    return made["id"], loser


@pytest.mark.parametrize(
    "path",
    [
        "/v1/contacts/{id}",
        "/v1/contacts/{id}/timeline",
        "/v1/contacts/{id}/notes",
        "/v1/contacts/{id}/merges",
        "/v1/contacts/{id}/duplicates",
        "/v1/consents/{id}",
        "/v1/consents/{id}/events",
    ],
)
def test_what_is_read(client: Client, ids: tuple[str, str], path: str):
    winner, loser = (client.get(path.replace("{id}", one)) for one in ids)
    assert winner[0] == 200
    assert loser == winner


def test_a_no_by_the_old_id_holds_for_the_person(
    world: World, line: Line, client: Client, ids: tuple[str, str]
):
    winner, loser = ids
    status, consent = client.post(f"/v1/consents/{loser}/revocations", {})
    assert (status, consent["contact_id"]) == (201, winner)
    states = world.rows("SELECT DISTINCT contact_id, state FROM consent_states")
    assert states == [{"contact_id": UUID(winner), "state": "revoked"}]
    text = world.reply(line, world.conversation(line, "+12025550111"), "Offers!")
    world.work("send_message")
    assert world.message(text)["status"] == "refused"


def test_a_yes_by_the_old_id_is_the_persons(world: World, client: Client, ids: tuple[str, str]):
    winner, loser = ids
    body = {
        "channel": "sms",
        "purpose": "marketing",
        "obtained_at": world.clock.now.isoformat(),
        "method": "web_form",
        "wording": "I agree to get offers by text message.",
    }
    status, consent = client.post(f"/v1/consents/{loser}/grants", body)
    assert (status, consent["contact_id"]) == (201, winner)


def test_what_is_written(client: Client, ids: tuple[str, str]):
    winner, loser = ids
    path = f"/v1/contacts/{loser}"
    status, edited = client.patch(path, {"name": "Ada Lovelace"}, client.etag(path))
    assert (status, edited["id"], edited["name"]) == (200, winner, "Ada Lovelace")
    assert client.post(f"{path}/tags", {"names": ["vip"]})[1]["id"] == winner
    status, note = client.post(f"{path}/notes", {"body": "likes red"})
    assert status == 201
    assert client.get(f"/v1/contacts/{winner}/notes/{note['id']}")[1] == note


def test_T1_an_id_of_another_tenant_leads_nowhere(world: World, client: Client, ids: tuple[str, str]):
    rival = person(world, world.organization("Rival"))
    for one in ids:
        assert rival.get(f"/v1/consents/{one}")[0] == rival.get(f"/v1/contacts/{one}")[0] == 404
