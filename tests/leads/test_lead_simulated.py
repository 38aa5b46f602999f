"""The whole way against the simulator, which was written from Meta's description and not from these doors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from infra.local.context import Context
from infra.simulators.meta import LeadForm, MetaApp, MetaSimulator, Page, Token
from infra.simulators.meta.webhook import Delivery
from infra.simulators.running import Running
from tests.database import TestDatabase
from tests.leads.conftest import FORM, people
from tests.simulators.doors import Stand
from tests.simulators.meta import Webhook
from tests.world import MetaLine, World

QUESTIONS = [
    {"key": "full_name", "label": "Full name", "type": "FULL_NAME"},
    {"key": "phone_number", "label": "Phone", "type": "PHONE"},
    {"key": "how_old", "label": "How old are you?", "type": "CUSTOM"},
]
ANA = {"full_name": "Ana Lima", "phone_number": "+12025550171"}


@dataclass
class Business:
    """A page at the simulated Meta, whose news reaches our door as Meta would bring it."""

    world: World
    page: MetaLine
    app: MetaApp
    http: httpx.Client
    webhook: Webhook
    seen: int = 0

    def submit(self, answers: dict[str, str], *, told: int = 1, **order: Any) -> str:
        order = {"form_id": FORM, "answers": answers, **order}
        lead_id = self.http.post("/_sim/leads", json=order).json()["lead_id"]
        for news in self.webhook.wait_for(self.seen + told)[self.seen :]:
            self.seen += 1
            signature = news.headers["x-hub-signature-256"]
            assert self.world.meta(self.page, news.raw, signature=signature).status == 200
        return lead_id

    def fetch(self) -> None:
        self.world.work("fetch_lead")

    def faults(self, **order: Any) -> None:
        self.http.post("/_sim/faults", json=order).raise_for_status()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Stand, Running, Stand, Running]]:
    hook, meta = Stand(), Stand()
    with Running(hook) as hook_server, Running(meta) as meta_server:
        yield hook, hook_server, meta, meta_server


@pytest.fixture
def business(database: TestDatabase, servers: tuple[Stand, Running, Stand, Running]) -> Iterator[Business]:
    stand, hook_server, meta, meta_server = servers
    webhook = Webhook()
    stand.app = webhook.app
    world = World(database, settings={"META_BASE_URL": meta_server.base_url}).open(real_providers=True)
    page = world.lead_page(world.organization())
    form = LeadForm(FORM, "Test ride", QUESTIONS, disclaimer="Harbour Bikes may text me offers.")
    app = MetaApp(
        "2",
        page.app_secret,
        [Token(page.access_token)],
        callback_url=f"{hook_server.base_url}{webhook.path}",
        verify_token=page.verify_token,
        pages=[Page(page.page_id or "", "Harbour Bikes", [form])],
        require_proof=True,
    )
    meta.app = MetaSimulator([app], delivery=Delivery((0.0, 0.0), 2.0), base=meta_server.base_url)
    with httpx.Client(base_url=meta_server.base_url, trust_env=False, verify=False, timeout=5) as http:
        yield Business(world, page, app, http, webhook)
    world.close()


def states(world: World) -> list[str]:
    return [row["state"] for row in world.rows("SELECT state FROM leads ORDER BY submitted_at, id")]


class TestSimulated:
    @pytest.mark.parametrize("integers", [False, True])
    def test_a_person_fills_in_the_form(self, business: Business, integers: bool):
        world = business.world
        lead_id = business.submit(ANA, integers=integers, times=2, told=2, extra={"ad_id": "77"})
        business.fetch()
        assert people(world) == [("Ana Lima", "+12025550171", "")]
        lead = world.row("SELECT provider_lead_id, state, test, ad_id FROM leads")
        assert lead == {"provider_lead_id": lead_id, "state": "fetched", "test": False, "ad_id": "77"}
        agreed = world.rows("SELECT channel_kind FROM consent_states WHERE purpose = 'marketing'")
        assert [row["channel_kind"] for row in agreed] == ["sms"]

    def test_P9_1_a_child_fills_in_the_form(self, business: Business):
        business.submit({**ANA, "how_old": "13-15"})
        business.fetch()
        assert states(business.world) == ["refused_age"]
        assert people(business.world) == []

    def test_a_test_lead_is_known_by_what_meta_lists(self, business: Business):
        business.submit(ANA, test=True, organic=True)
        business.submit({**ANA, "full_name": "Ben"}, organic=True)
        business.fetch()
        assert business.world.value("SELECT count(*) FROM leads WHERE test") == 1
        assert people(business.world) == [("Ben", "+12025550171", "")]

    def test_backfill_and_catching_up_read_what_nobody_told(self, business: Business):
        world = business.world
        for number in range(3):
            business.submit({"phone_number": f"+1202555017{number}"}, told=0, silent=True, ago=86400)
        function = world.functions["lead_catch_up"]
        function.handler()({}, Context(function))
        world.work("lead_catch_up")
        assert states(world) == ["fetched"] * 3
        form = world.row("SELECT name, questions, disclaimer, read_through FROM lead_forms")
        assert form["name"] == "Test ride"
        assert form["disclaimer"]["checkboxes"][0]["text"] == "Harbour Bikes may text me offers."
        assert form["read_through"] is not None

    def test_a_token_that_was_taken_back_and_a_new_one(self, business: Business):
        world = business.world
        business.app.tokens[0].revoked = True
        business.submit(ANA)
        business.fetch()
        assert (states(world), world.value("SELECT trouble FROM channels")) == (["queued"], "190")
        business.app.tokens[0].revoked = False
        function = world.functions["lead_catch_up"]
        function.handler()({}, Context(function))
        world.work("lead_catch_up")
        assert world.value("SELECT trouble FROM channels") is None
        assert states(world) == ["fetched"]

    def test_leads_are_withheld_from_a_token_without_the_permission(self, business: Business):
        business.app.tokens[0].scopes = ("pages_show_list",)
        business.submit(ANA)
        business.fetch()
        lead = business.world.row("SELECT state, failure FROM leads")
        assert lead == {"state": "failed", "failure": "10"}

    def test_a_lead_that_was_taken_away(self, business: Business):
        business.submit(ANA)
        business.app.pages[0].forms[0].leads.clear()
        business.fetch()
        lead = business.world.row("SELECT state, failure FROM leads")
        assert lead == {"state": "failed", "failure": "100"}

    def test_Q4_a_rate_limit_and_then_the_lead(self, business: Business):
        world = business.world
        business.faults(do="status", status=429, headers={"retry-after": "60"})
        business.submit(ANA)
        business.fetch()
        assert states(world) == ["queued"]
        world.clock.pass_(seconds=400)
        business.fetch()
        assert states(world) == ["fetched"]

    def test_no_token_and_no_answer_is_in_any_log(
        self, business: Business, capsys: pytest.CaptureFixture[str]
    ):
        business.submit({**ANA, "full_name": "Canary Lima"})
        business.fetch()
        business.app.tokens[0].revoked = True
        business.submit({**ANA, "full_name": "Canary Lima"})
        business.fetch()
        said = "".join(capsys.readouterr())
        assert "lead.taken" in said
        for secret in (business.page.access_token, business.page.app_secret, "Canary", "2025550171"):
            assert secret not in said
        asked = [one for one in business.http.get("/_sim/log").json() if one["path"].startswith("/v26.0/")]
        assert asked
        assert not [one for one in asked if business.page.access_token in one["path"]]
