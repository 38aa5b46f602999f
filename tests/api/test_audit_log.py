"""The audit log as it is read: who, what, to what, when, with the names of today."""

from uuid import uuid4

import pytest

from tests.api.conftest import Client, Rival, person, problem
from tests.world import Line, World

PATH = "/v1/audit-log"


def newest(client: Client) -> dict:
    status, page = client.get(PATH)
    assert status == 200, page
    return page["items"][0]


class TestRead:
    def test_a_person_and_what_they_did_to_whom(self, world: World, client: Client):
        whom = person(world, client.org, "agent")
        path = f"/v1/members/{whom.user_id}"
        client.patch(path, {"role": "admin"}, client.etag(path))
        names = {row["id"]: row["email"] for row in client.get("/v1/members")[1]["items"]}
        deed = newest(client)
        assert deed["action"] == "member.role_changed"
        assert deed["details"] == {"from": "agent", "to": "admin"}
        mine, theirs = str(client.user_id), str(whom.user_id)
        assert deed["actor"] == {"kind": "person", "id": mine, "name": names[mine]}
        assert deed["target"] == {"kind": "user", "id": theirs, "name": names[theirs]}
        assert deed["occurred_at"] == world.clock.now.isoformat().replace("+00:00", "Z")

    def test_who_is_gone_has_no_name_any_more(self, world: World, client: Client):
        gone = person(world, client.org, "admin")
        gone.patch("/v1/organization", {"name": "x"}, gone.etag("/v1/organization"))
        path = f"/v1/members/{gone.user_id}"
        world.clock.pass_(seconds=1)
        client.delete(path, client.etag(path))
        removal, edit = client.get(PATH)[1]["items"][:2]
        assert edit["actor"] == removal["target"] | {"kind": "person"}
        assert edit["actor"] == {"kind": "person", "id": str(gone.user_id), "name": None}

    def test_every_kind_of_actor_and_target_has_its_name(self, world: World, client: Client, line: Line):
        _, key = client.post("/v1/api-keys", {"name": "CRM export", "scopes": ["audit.read"]})
        _, guest = client.post("/v1/invitations", {"email": "guest@example.test", "role": "agent"})
        targets = {
            "api_key": (key["id"], "CRM export"),
            "invitation": (guest["id"], "guest@example.test"),
            "channel": (str(line.id), line.number),
            "session": (str(uuid4()), None),
        }
        for kind, (target_id, name) in targets.items():
            world.clock.pass_(seconds=1)
            world._insert(
                "audit_log",
                {
                    "organization_id": client.org.id,
                    "id": uuid4(),
                    "actor_kind": "api_key",
                    "actor_id": key["id"],
                    "action": "channel.edited",
                    "target_kind": kind,
                    "target_id": target_id,
                    "occurred_at": world.clock.now,
                },
            )
            deed = newest(client)
            assert deed["actor"] == {"kind": "api_key", "id": key["id"], "name": "CRM export"}
            assert deed["target"] == {"kind": kind, "id": target_id, "name": name}

    def test_the_system_and_no_target(self, world: World, client: Client):
        world._insert(
            "audit_log",
            {
                "organization_id": client.org.id,
                "id": uuid4(),
                "actor_kind": "system",
                "action": "organization.created",
                "occurred_at": world.clock.now,
            },
        )
        deed = newest(client)
        assert deed["actor"] == {"kind": "system", "id": None, "name": None}
        assert deed["target"] is None

    def test_pages(self, world: World, client: Client):
        for number in range(5):
            client.patch("/v1/organization", {"name": f"n{number}"}, client.etag("/v1/organization"))
        seen, cursor = [], ""
        while True:
            _, page = client.get(f"{PATH}?limit=2{cursor}")
            seen += [deed["id"] for deed in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert len(seen) == len(set(seen)) == world.value("SELECT count(*) FROM audit_log") >= 5

    @pytest.mark.parametrize("role", ["agent", "viewer"])
    def test_T11_not_for_everybody(self, world: World, client: Client, role: str):
        problem(person(world, client.org, role).get(PATH), 403, "forbidden")

    def test_T1_another_tenants_is_not_shown(self, client: Client, rival: Rival):
        rival.client.patch("/v1/organization", {"name": "x"}, rival.client.etag("/v1/organization"))
        assert client.get(PATH)[1]["items"] == []
        assert rival.client.get(PATH)[1]["items"] != []
