"""Leads and their forms as a customer meets them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally.messaging.leads.store import TRIES
from leadsrally.messaging.leads.types import Checkbox, Disclaimer, Form, Lead, Question
from tests.api.conftest import Client, person, problem
from tests.fakes import answered
from tests.world import MetaLine, Org, World

FORM = "9000000000001"
ASKED = (
    Question("full_name", "Full name", "FULL_NAME"),
    Question("phone_number", "Phone", "PHONE"),
    Question("q3", "Which colour?", "CUSTOM"),
)
LEGAL = Disclaimer("Offers", "About once a month.", (Checkbox("ok", "You may text me.", False, False),))
SHAPE = Form(FORM, "Test ride", "en_US", "active", ASKED, LEGAL, "https://harbour.example/privacy")


@pytest.fixture
def page(world: World, org: Org) -> MetaLine:
    return world.lead_page(org)


def arrive(world: World, page: MetaLine, number: int, **answers: str) -> None:
    lead = Lead(f"800000000{number:04d}", FORM, world.clock.now, answered(**answers), ticked=("ok",))
    world.leads.add(lead, SHAPE)
    assert world.lead(page, lead.id).status == 200
    world.work("fetch_lead")
    world.clock.pass_(minutes=1)


def items(client: Client, query: str = "") -> list[dict[str, Any]]:
    status, page = client.get(f"/v1/leads{query}")
    assert status == 200, page
    return page["items"]


def form_path(client: Client, page: MetaLine) -> str:
    (form,) = client.get(f"/v1/channels/{page.id}/forms")[1]["items"]
    return f"/v1/channels/{page.id}/forms/{form['id']}"


class TestLeads:
    def test_one_with_all_that_was_answered(self, world: World, client: Client, page: MetaLine):
        arrive(world, page, 1, full_name="Ana Lima", phone_number="+12025550171", q3="red", extra="more")
        (listed,) = items(client)
        status, lead = client.get(f"/v1/leads/{listed['id']}")
        assert status == 200
        assert listed.items() <= lead.items()
        assert lead["answers"] == [
            {"key": "full_name", "label": "Full name", "values": ["Ana Lima"], "target": "name"},
            {"key": "phone_number", "label": "Phone", "values": ["+12025550171"], "target": "phone"},
            {"key": "q3", "label": "Which colour?", "values": ["red"], "target": None},
            {"key": "extra", "label": None, "values": ["more"], "target": None},
        ]
        assert lead["checkboxes"] == [{"key": "ok", "text": "You may text me.", "ticked": True}]
        assert (lead["state"], lead["form_name"], lead["trouble"]) == ("fetched", "Test ride", None)
        assert UUID(lead["contact_id"]) == world.value("SELECT id FROM contacts")

    def test_by_state_form_contact_test_and_time_and_page_by_page(
        self, world: World, client: Client, page: MetaLine
    ):
        began = world.clock.now
        for number in range(3):
            arrive(world, page, number, phone_number=f"+1202555017{number}")
        world.leads.tests.add("8000000000009")
        world.leads.add(Lead("8000000000009", FORM, world.clock.now, answered(q3="x"), organic=True))
        world.lead(page, "8000000000009")
        world.lead(page, "8000000000404")
        world.work("fetch_lead")
        assert [one["lead_id"] for one in items(client, "?state=failed")] == ["8000000000404"]
        assert [one["lead_id"] for one in items(client, "?test=true")] == ["8000000000009"]
        assert len(items(client, "?test=false")) == 4
        first = items(client)[-1]
        assert [one["id"] for one in items(client, f"?contact_id={first['contact_id']}")] == [first["id"]]
        assert len(items(client, f"?form_id={first['form_id']}")) == 4
        until = (began + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
        assert [one["id"] for one in items(client, f"?until={until}")] == [first["id"]]
        assert len(items(client, f"?since={until}")) == 4
        seen: list[str] = []
        cursor = ""
        while True:
            _, found = client.get(f"/v1/leads?limit=2{cursor}")
            seen += [one["lead_id"] for one in found["items"]]
            if found["next"] is None:
                break
            cursor = f"&cursor={found['next']}"
        assert len(seen) == len(set(seen)) == 5

    def test_why_one_is_not_here(self, world: World, client: Client, page: MetaLine):
        world.lead(page, "8000000000404")
        world.lead(page, "8000000000405", page_id="123")
        world.leads.add(Lead("8000000000406", FORM, world.clock.now, answered(age="12", q3="canary")), SHAPE)
        world.lead(page, "8000000000406")
        world.work("fetch_lead")
        told = {one["lead_id"]: (one["state"], one["trouble"]["code"]) for one in items(client)}
        assert told == {
            "8000000000404": ("failed", "100"),
            "8000000000405": ("refused_page", "foreign_page"),
            "8000000000406": ("refused_age", "under_age"),
        }
        refused = next(one for one in items(client) if one["state"] == "refused_age")
        _, whole = client.get(f"/v1/leads/{refused['id']}")
        assert (whole["answers"], whole["checkboxes"], whole["contact_id"]) == (None, [], None)
        assert "canary" not in str(whole)


class TestRetry:
    def test_one_that_failed_for_good_is_fetched_on_request(
        self, world: World, client: Client, page: MetaLine
    ):
        world.lead(page, "8000000000001")
        for _ in range(TRIES):
            world.work("fetch_lead")
            world.clock.pass_(hours=2)
        (failed,) = items(client, "?state=failed")
        world.leads.add(Lead("8000000000001", FORM, world.clock.now, answered(q3="red")), SHAPE)
        assert client.post(f"/v1/leads/{failed['id']}/retry")[0] == 202
        assert world.rung[-1][0] == "fetch_lead"
        world.work("fetch_lead")
        assert items(client)[0]["state"] == "fetched"
        assert world.value("SELECT count(*) FROM audit_log WHERE action = 'lead.retried'") == 1

    def test_one_that_is_here_or_was_refused_is_not(self, world: World, client: Client, page: MetaLine):
        arrive(world, page, 1, q3="red")
        world.leads.add(Lead("8000000000002", FORM, world.clock.now, answered(age="12")), SHAPE)
        world.lead(page, "8000000000002")
        world.work("fetch_lead")
        ids = {one["state"]: one["id"] for one in items(client)}
        problem(client.post(f"/v1/leads/{ids['fetched']}/retry"), 409, "lead_fetched")
        problem(client.post(f"/v1/leads/{ids['refused_age']}/retry"), 409, "lead_refused_age")

    def test_all_that_failed_are_replayed_once(self, world: World, client: Client, page: MetaLine):
        for number in range(3):
            world.lead(page, f"800000000000{number}")
        world.work("fetch_lead")
        for number in range(3):
            world.leads.add(Lead(f"800000000000{number}", FORM, world.clock.now, answered(q3="x")), SHAPE)
        key = {"idempotency-key": "again"}
        assert client.post("/v1/leads/replay", {}, **key) == (202, {"count": 3})
        assert client.post("/v1/leads/replay", {}, **key) == (202, {"count": 3})
        world.work("fetch_lead")
        assert {one["state"] for one in items(client)} == {"fetched"}
        assert client.post("/v1/leads/replay", {}) == (202, {"count": 0})


class TestForms:
    def test_what_a_form_asks_and_where_it_goes(self, world: World, client: Client, page: MetaLine):
        arrive(world, page, 1, q3="red")
        world.leads.tests.add("8000000000002")
        world.leads.add(Lead("8000000000002", FORM, world.clock.now, answered(q3="x"), organic=True))
        world.lead(page, "8000000000002")
        world.lead(page, "8000000000003")
        world.work("fetch_lead")
        status, form = client.get(form_path(client, page))
        assert status == 200
        assert form["questions"][1] == {"key": "phone_number", "label": "Phone", "kind": "PHONE"}
        assert form["mapping"] == {"full_name": "name", "phone_number": "phone"}
        assert form["consents"] == {"ok": ["sms"]}
        assert form["disclaimer"]["checkboxes"][0]["text"] == "You may text me."
        counted = (form["fetched"], form["waiting"], form["failed"])
        assert counted == (1, 0, 1), "a test counts nowhere"

    def test_the_mapping_is_edited_with_the_version_that_was_read(
        self, world: World, client: Client, page: MetaLine
    ):
        arrive(world, page, 1, q3="red")
        path = form_path(client, page)
        etag = client.etag(path)
        change = {"mapping": {"q3": "name"}, "consents": {"ok": ["sms", "whatsapp"]}, "country": "BR"}
        status, edited = client.patch(path, change, etag)
        assert (status, edited["mapping"], edited["country"]) == (200, {"q3": "name"}, "BR")
        problem(client.patch(path, change, etag), 412, "stale")
        arrive(world, page, 2, q3="Ana", phone_number="11 91234-5678")
        assert world.value("SELECT count(*) FROM contacts") == 0  # phone_number goes nowhere now
        client.patch(path, {"mapping": {"q3": "name", "phone_number": "phone"}}, client.etag(path))
        arrive(world, page, 3, q3="Ana", phone_number="11 91234-5678")
        assert world.row("SELECT name, phone FROM contacts") == {"name": "Ana", "phone": "+5511912345678"}
        status, back = client.patch(path, {"country": None}, client.etag(path))
        assert (status, back["country"]) == (200, None)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"mapping": {"unknown": "name"}}, "unknown_question"),
            ({"mapping": {"q3": "salary"}}, "unknown_target"),
            ({"mapping": {"q3": "field:unknown"}}, "unknown_target"),
            ({"consents": {"other": ["sms"]}}, "unknown_checkbox"),
            ({"country": "ZZ"}, "country_unknown"),
            ({}, "nothing_given"),
            ({"consents": {"ok": ["fax"]}}, "malformed"),
        ],
    )
    def test_a_target_that_there_is_not_is_refused(
        self, world: World, client: Client, page: MetaLine, change: dict[str, Any], code: str
    ):
        arrive(world, page, 1, q3="red")
        path = form_path(client, page)
        problem(client.patch(path, change, client.etag(path)), 422, code)

    def test_a_new_form_is_found_on_request(self, world: World, client: Client, page: MetaLine):
        world.leads.shapes[FORM] = SHAPE
        assert client.post(f"/v1/channels/{page.id}/forms/sync")[0] == 202
        world.work("lead_catch_up")
        assert client.get(form_path(client, page))[1]["name"] == "Test ride"

    def test_syncing_changes_nothing_that_was_set(self, world: World, client: Client, page: MetaLine):
        world.leads.shapes[FORM] = SHAPE
        client.post(f"/v1/channels/{page.id}/forms/sync")
        world.work("lead_catch_up")
        path = form_path(client, page)
        client.patch(path, {"mapping": {"full_name": "ignore"}}, client.etag(path))
        more = (*ASKED, Question("email", "E-mail", "EMAIL"))
        world.leads.shapes[FORM] = Form(FORM, "Renamed", "en_US", "active", more, LEGAL, None)
        client.post(f"/v1/channels/{page.id}/forms/sync")
        world.work("lead_catch_up")
        _, form = client.get(path)
        assert form["name"] == "Renamed"
        assert form["mapping"] == {"full_name": "ignore", "email": "email"}

    def test_a_channel_that_is_no_page_has_no_forms(self, world: World, org: Org, client: Client):
        line = world.line(org)
        problem(client.get(f"/v1/channels/{line.id}/forms"), 404, "channel_not_found")
        problem(client.post(f"/v1/channels/{line.id}/forms/sync"), 404, "channel_not_found")


class TestForeign:
    """T2: ids of another tenant, beside the path."""

    def test_T2_in_a_filter_they_find_nothing(self, world: World, client: Client, page: MetaLine):
        rivals = world.lead_page(world.organization("Rival"))
        arrive(world, rivals, 1, phone_number="+12025550171")
        theirs = world.row("SELECT form_id, contact_id FROM leads")
        assert items(client, f"?form_id={theirs['form_id']}") == []
        assert items(client, f"?contact_id={theirs['contact_id']}") == []

    def test_T2_nothing_of_theirs_is_replayed(self, world: World, client: Client, page: MetaLine):
        rivals = world.lead_page(world.organization("Rival"))
        world.lead(rivals, "8000000000001")
        world.work("fetch_lead")
        assert client.post("/v1/leads/replay", {"channel_id": str(rivals.id)}) == (202, {"count": 0})
        assert world.value("SELECT state FROM leads") == "failed"

    def test_T2_a_form_is_found_under_its_own_page_only(
        self, world: World, org: Org, client: Client, page: MetaLine
    ):
        arrive(world, page, 1, q3="red")
        form_id = form_path(client, page).rpartition("/")[2]
        other = world.lead_page(org)
        problem(client.get(f"/v1/channels/{other.id}/forms/{form_id}"), 404, "form_not_found")
        answer = client.patch(f"/v1/channels/{other.id}/forms/{form_id}", {"country": "DE"}, '"1"')
        problem(answer, 404, "form_not_found")


class TestRoles:
    def test_T11_an_agent_reads_and_sets_nothing(
        self, world: World, org: Org, page: MetaLine, client: Client
    ):
        arrive(world, page, 1, q3="red")
        agent = person(world, org, "agent")
        assert len(items(agent)) == 1
        path = form_path(agent, page)
        problem(agent.patch(path, {"country": "DE"}, agent.etag(path)), 403, "forbidden")
        problem(agent.post("/v1/leads/replay", {}), 403, "forbidden")
