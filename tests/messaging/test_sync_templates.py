"""Our copy of a WhatsApp account's templates: brought up to date by the hour, by webhook and on demand."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from infra.local.context import Context
from leadsrally.kit.errors import Forbidden, Unavailable
from leadsrally.messaging.types import TemplateForm, TemplateNews, Wording
from tests.world import MetaLine, Org, World

READY = TemplateNews(
    "11", "ready", "en_US", "utility", "approved", None, "green", TemplateForm(Wording.of("Hi {{1}}"))
)
SALE = TemplateNews(
    "12", "sale", "en_US", "marketing", "approved", None, "green", TemplateForm(Wording("Sale!"))
)


@pytest.fixture
def wa(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


def hour_strikes(world: World) -> int:
    function = world.functions["template_sync"]
    return function.handler()({}, Context(function))["asked"]


def sync(world: World, *news: TemplateNews) -> None:
    world.catalogue.held = list(news)
    hour_strikes(world)
    world.work("template_sync")


def stored(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["name"], row["language"]): row for row in world.rows("SELECT * FROM templates")}


def told(world: World) -> list[UUID]:
    """Templates that owners will be told of."""
    rows = world.rows(
        "SELECT payload FROM jobs WHERE kind = 'template_stopped' AND queue = 'notify' ORDER BY number"
    )
    return [UUID(row["payload"]["template_id"]) for row in rows]


class TestSync:
    def test_everything_that_the_account_has(self, world: World, wa: MetaLine):
        sync(world, READY, replace(READY, provider_id="13", language="es"), replace(SALE, state="pending"))
        found = stored(world)
        assert found.keys() == {("ready", "en_US"), ("ready", "es"), ("sale", "en_US")}
        one = found["ready", "en_US"]
        assert (one["waba_id"], one["provider_id"], one["state"], one["category"], one["quality"]) == (
            wa.waba_id,
            "11",
            "approved",
            "utility",
            "green",
        )
        assert one["form"]["body"] == {"text": "Hi {{1}}", "values": ["1"]}
        assert told(world) == []

    def test_again_is_the_same_and_keeps_its_ids(self, world: World, wa: MetaLine):
        sync(world, READY, SALE)
        before = stored(world)
        world.clock.pass_(hours=1)
        sync(world, READY, replace(SALE, quality="red"))
        after = stored(world)
        assert {key: row["id"] for key, row in after.items()} == {
            key: row["id"] for key, row in before.items()
        }
        assert after["ready", "en_US"]["synced_at"] == world.clock.now
        assert after["ready", "en_US"]["changed_at"] == before["ready", "en_US"]["changed_at"]
        assert after["sale", "en_US"]["quality"] == "red"

    @pytest.mark.parametrize(
        "change",
        [
            {"state": "paused"},
            {"state": "rejected", "reason": "promotional"},
            {"state": "disabled"},
            {"state": "in_appeal"},
            {"state": "pending"},
            {"category": "marketing"},
        ],
        ids=str,
    )
    def test_owners_are_told_once_of_what_can_no_longer_be_sent(
        self, world: World, wa: MetaLine, change: dict[str, Any]
    ):
        sync(world, READY, SALE)
        for _ in range(2):
            world.clock.pass_(hours=1)
            sync(world, replace(READY, **change), SALE)
        row = stored(world)["ready", "en_US"]
        assert told(world) == [row["id"]]
        assert row["changed_at"] < world.clock.now

    def test_what_is_gone_at_meta_stays_here_as_deleted(self, world: World, wa: MetaLine):
        sync(world, READY, replace(SALE, state="rejected"))
        ids = {key: row["id"] for key, row in stored(world).items()}
        sync(world)
        assert {row["state"] for row in stored(world).values()} == {"deleted"}
        assert told(world) == [ids["ready", "en_US"]], "nobody could send the other one before"
        sync(world, READY)
        assert stored(world)["ready", "en_US"]["state"] == "approved"
        assert stored(world)["ready", "en_US"]["id"] == ids["ready", "en_US"]

    def test_what_was_never_usable_is_nobodys_news(self, world: World, wa: MetaLine):
        sync(world, replace(READY, state="pending"))
        sync(world, replace(READY, state="rejected"))
        sync(world, READY)
        assert told(world) == []

    def test_the_owner_gets_a_mail(self, world: World, org: Org, wa: MetaLine):
        world.user(org, email="owner@harbour.example")
        world.user(org, "agent", email="agent@harbour.example")
        sync(world, READY)
        sync(world, replace(READY, state="paused"))
        world.clock.pass_(seconds=2)
        world.work("notify")
        (mail,) = world.mailer.mails
        assert mail.recipient == "owner@harbour.example"
        assert "“ready”" in mail.text
        assert "paused by WhatsApp" in mail.text


class TestWhoIsAsked:
    def test_each_account_once_of_all_organisations(self, world: World, org: Org, wa: MetaLine):
        sibling = world.whatsapp_line(org)
        world.execute("UPDATE channels SET waba_id = %(w)s WHERE id = %(id)s", w=wa.waba_id, id=sibling.id)
        rival = world.whatsapp_line(world.organization("Rival"))
        world.whatsapp_line(org, state="disconnected")
        world.line(org)
        assert hour_strikes(world) == 2
        world.work("template_sync")
        assert sorted(world.catalogue.asked) == sorted([wa.waba_id, rival.waba_id])

    def test_two_tenants_with_the_same_account_have_a_copy_each(self, world: World, wa: MetaLine):
        """T9: one is told what the other's templates are only if Meta itself says so to both."""
        rival = world.whatsapp_line(world.organization("Rival"))
        world.execute("UPDATE channels SET waba_id = %(w)s", w=wa.waba_id)
        sync(world, READY)
        rows = world.rows("SELECT organization_id FROM templates")
        assert {row["organization_id"] for row in rows} == {wa.organization_id, rival.organization_id}

    def test_an_hour_that_strikes_twice_asks_once(self, world: World, wa: MetaLine):
        hour_strikes(world)
        hour_strikes(world)
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'template_sync'") == 1

    def test_a_token_that_is_not_good_for_it_is_the_owners_business(
        self, world: World, org: Org, wa: MetaLine
    ):
        sync(world, READY)
        world.catalogue.failure = Forbidden("Connect again.", code="190")
        hour_strikes(world)
        world.work("template_sync")
        assert stored(world)["ready", "en_US"]["state"] == "approved", "nothing is known to have changed"
        channel = world.row("SELECT trouble, trouble_since FROM channels")
        assert (channel["trouble"], channel["trouble_since"]) == ("190", world.clock.now)
        assert world.value("SELECT count(*) FROM jobs WHERE kind = 'channel_trouble'") == 1
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'template_sync'") == 0

    def test_a_provider_that_is_away_is_asked_again(self, world: World, wa: MetaLine):
        world.catalogue.failure = Unavailable("Not now.")
        hour_strikes(world)
        world.ring("template_sync", world.due("template_sync"))
        assert world.value("SELECT attempts FROM jobs WHERE queue = 'template_sync'") == 1
        world.catalogue.failure, world.catalogue.held = None, [READY]
        world.clock.pass_(hours=1)
        world.work("template_sync")
        assert len(stored(world)) == 1

    def test_a_channel_that_was_disconnected_meanwhile_is_not_asked(self, world: World, wa: MetaLine):
        hour_strikes(world)
        world.execute("UPDATE channels SET state = 'disconnected'")
        world.work("template_sync")
        assert world.catalogue.asked == []


class TestWebhook:
    """Meta tells of a change; what it is, is asked for, so no order of deliveries matters."""

    def _told(self, world: World, wa: MetaLine, field: str, account: str | None) -> Any:
        value = {"event": "PAUSED", "message_template_id": 11, "message_template_name": "ready"}
        entry = {"id": account, "changes": [{"field": field, "value": value}]}
        return world.meta(wa, {"object": "whatsapp_business_account", "entry": [entry]})

    @pytest.mark.parametrize(
        "field",
        [
            "message_template_status_update",
            "message_template_quality_update",
            "message_template_components_update",
            "template_category_update",
        ],
    )
    def test_a_change_is_fetched_at_once(self, world: World, wa: MetaLine, field: str):
        sync(world, READY)
        world.catalogue.held = [replace(READY, state="paused")]
        for _ in range(3):
            assert self._told(world, wa, field, wa.waba_id).status == 200
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'template_sync'") == 1
        world.clock.pass_(seconds=2)
        world.work("template_sync")
        assert stored(world)["ready", "en_US"]["state"] == "paused"
        assert len(told(world)) == 1

    def test_an_account_that_is_not_this_organisations(self, world: World, wa: MetaLine):
        rival = world.whatsapp_line(world.organization("Rival"))
        for account in (rival.waba_id, "404", None):
            assert self._told(world, wa, "message_template_status_update", account).status == 200
        assert world.value("SELECT count(*) FROM jobs WHERE queue = 'template_sync'") == 0
