"""The word that there is a lead: who is believed, what is written down, and that it is written down once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.leads.conftest import FORM, LEAD, the_lead
from tests.world import MetaLine, Org, World


def log(world: World) -> dict[str, Any]:
    return world.row("SELECT outcome, reason, http_status, counts FROM delivery_log")


def jobs(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT queue, kind, payload, state FROM jobs ORDER BY number")


def change(page_id: str | None, lead_id: Any, **value: Any) -> dict[str, Any]:
    told = {"leadgen_id": lead_id, "page_id": page_id, "form_id": FORM, "created_time": 1795500000, **value}
    return {"field": "leadgen", "value": told}


def delivery(page: MetaLine, *changes: Any) -> dict[str, Any]:
    return {"object": "page", "entry": [{"id": page.page_id, "time": 1795500001, "changes": list(changes)}]}


class TestWord:
    def test_it_is_a_row_and_a_job_in_one_transaction(self, world: World, page: MetaLine):
        assert world.lead(page, LEAD, ad_id="77").status == 200
        lead = the_lead(world)
        assert (lead["state"], lead["provider_form_id"], lead["page_id"]) == ("queued", FORM, page.page_id)
        assert (lead["ad_id"], lead["found_by"], lead["backfilled"]) == ("77", "webhook", False)
        assert lead["submitted_at"] == world.clock.now
        (job,) = jobs(world)
        assert (job["queue"], job["kind"]) == ("fetch_lead", "fetch")
        assert job["payload"] == {"lead_id": str(lead["id"])}
        assert world.rung == [("fetch_lead", world.value("SELECT id FROM jobs"))]
        assert log(world) == {
            "outcome": "stored",
            "reason": None,
            "http_status": 200,
            "counts": {"stored": 1},
        }

    def test_ids_may_be_integers(self, world: World, page: MetaLine):
        assert world.lead(page, LEAD, integers=True, ad_id=0, adgroup_id=0).status == 200
        lead = the_lead(world)
        assert (lead["page_id"], lead["provider_form_id"], lead["ad_id"]) == (page.page_id, FORM, None)

    def test_ids_of_64_bits_keep_all_their_digits(self, world: World, page: MetaLine):
        body = delivery(page, change(page.page_id, 18446744073709551615))
        world.meta(page, body)
        world.meta(page, delivery(page, change(page.page_id, 9007199254740993)))
        found = world.rows("SELECT provider_lead_id AS id FROM leads")
        assert [row["id"] for row in found] == ["9007199254740993"]  # beyond 10^18 nothing of Meta's is known

    def test_a_retry_seven_days_later_is_a_duplicate(self, world: World, page: MetaLine):
        at = world.clock.now
        assert world.lead(page, LEAD, at=at).status == 200
        world.clock.pass_(days=7)
        world.execute("SELECT delivery_log_make_day((%(at)s::timestamptz)::date)", at=world.clock.now)
        assert world.lead(page, LEAD, at=at).status == 200
        assert len(jobs(world)) == 1
        outcomes = [
            row["outcome"] for row in world.rows("SELECT outcome FROM delivery_log ORDER BY received_at")
        ]
        assert outcomes == ["stored", "duplicate"]

    def test_a_word_that_first_comes_after_seven_days_counts(self, world: World, page: MetaLine):
        at = world.clock.now
        world.clock.pass_(days=7)
        world.execute("SELECT delivery_log_make_day((%(at)s::timestamptz)::date)", at=world.clock.now)
        assert world.lead(page, LEAD, at=at).status == 200
        assert the_lead(world)["submitted_at"] == at

    def test_W8_fifty_at_once_are_one(self, world: World, page: MetaLine):
        start = threading.Barrier(10)

        def tell(turn: int) -> int:
            if turn < 10:
                start.wait()
            return world.lead(page, LEAD).status

        with ThreadPoolExecutor(10) as pool:
            assert set(pool.map(tell, range(50))) == {200}
        assert len(jobs(world)) == 1
        assert the_lead(world)["state"] == "queued"

    def test_W9_a_replay_after_the_person_was_erased_brings_nobody_back(self, world: World, page: MetaLine):
        world.lead(page, LEAD)
        world.execute("DELETE FROM leads")
        world.execute("DELETE FROM jobs")
        world.clock.pass_(days=60)
        world.execute("SELECT delivery_log_make_day((%(at)s::timestamptz)::date)", at=world.clock.now)
        assert world.lead(page, LEAD).status == 200
        assert world.rows("SELECT 1 FROM leads UNION ALL SELECT 1 FROM jobs") == []

    def test_W10_the_order_of_two_does_not_matter(self, world: World, page: MetaLine):
        for lead_id in ("8000000000002", LEAD):
            assert world.lead(page, lead_id).status == 200
        assert len(jobs(world)) == 2


class TestDelivery:
    def test_W11_a_bad_piece_loses_no_other(self, world: World, page: MetaLine):
        pieces = [
            change(page.page_id, LEAD),
            {"field": "leadgen", "value": {"page_id": page.page_id}},
            "nonsense",
            change("1", "8000000000009"),
            {"field": "feed", "value": {"item": "post"}},
            change(page.page_id, "8000000000002", form_id=None),
            change(page.page_id, LEAD),
        ]
        body = delivery(page, *pieces)
        body["entry"] += [None, {"id": page.page_id, "changes": {}}]
        assert world.meta(page, body).status == 200
        states = {row["provider_lead_id"]: row["state"] for row in world.rows("SELECT * FROM leads")}
        assert states == {LEAD: "queued", "8000000000002": "queued", "8000000000009": "refused_page"}
        assert log(world)["counts"] == {
            "stored": 2,
            "refused": 1,
            "duplicate": 1,
            "ignored": 1,
            "quarantined": 4,
        }
        assert len(jobs(world)) == 2
        reasons = world.rows("SELECT reason FROM quarantine ORDER BY reason")
        assert [row["reason"] for row in reasons] == ["change", "changes", "changes", "lead_id"]

    def test_a_lead_of_a_page_that_is_not_connected_is_refused_with_a_record(
        self, world: World, page: MetaLine
    ):
        assert world.lead(page, LEAD, page_id="123456").status == 200
        lead = the_lead(world)
        assert (lead["state"], lead["page_id"], lead["channel_id"]) == ("refused_page", "123456", page.id)
        assert jobs(world) == []
        assert log(world) == {
            "outcome": "refused",
            "reason": "foreign_page",
            "http_status": 200,
            "counts": {"refused": 1},
        }

    def test_one_address_serves_every_page_of_the_organisation(self, world: World, org: Org, page: MetaLine):
        """An app has one webhook address for all its pages."""
        second = world.lead_page(org)
        world.lead(page, LEAD, page_id=second.page_id)
        assert the_lead(world)["channel_id"] == second.id

    def test_T2_and_no_page_of_another_organisation(self, world: World, page: MetaLine):
        theirs = world.lead_page(world.organization("Rival"))
        world.lead(page, LEAD, page_id=theirs.page_id)
        assert (the_lead(world)["state"], the_lead(world)["organization_id"]) == (
            "refused_page",
            page.organization_id,
        )

    def test_T9_two_tenants_may_tell_of_the_same_lead(self, world: World, page: MetaLine):
        theirs = world.lead_page(world.organization("Rival"))
        world.execute(
            "UPDATE channels SET page_id = %(page)s WHERE id = %(id)s", page=page.page_id, id=theirs.id
        )
        world.lead(page, LEAD)
        world.lead(theirs, LEAD, page_id=page.page_id)
        assert world.value("SELECT count(*) FROM leads WHERE state = 'queued'") == 2

    def test_a_thousand_in_one_delivery(self, world: World, page: MetaLine):
        body = delivery(page, *(change(page.page_id, str(8_000_000_000_000 + n)) for n in range(1000)))
        assert world.meta(page, body).status == 200
        assert world.value("SELECT count(*) FROM leads") == 1000
        assert len(jobs(world)) == len(world.rung) == 1000

    @pytest.mark.parametrize("signature", ["", "None", "sha256=" + "0" * 64, "sha1=" + "0" * 40])
    def test_W1_without_a_good_signature_nothing_is_written(
        self, world: World, page: MetaLine, signature: str
    ):
        body = delivery(page, change(page.page_id, LEAD))
        assert world.meta(page, body, signature=signature).status == 403
        assert world.rows("SELECT 1 FROM leads") == []

    def test_W2_another_tenants_secret_opens_nothing(self, world: World, page: MetaLine):
        from dataclasses import replace

        theirs = world.lead_page(world.organization("Rival"))
        assert world.lead(replace(page, app_secret=theirs.app_secret), LEAD).status == 403
        assert world.rows("SELECT 1 FROM leads") == []

    def test_W14_without_a_database_it_is_told_again(self, world: World, page: MetaLine):
        world.lead(page, LEAD)  # the channel is kept
        world.execute("REVOKE INSERT ON leads FROM leadsrally_webhook_meta")
        assert world.lead(page, "8000000000002").status == 500
        world.execute("GRANT INSERT ON leads TO leadsrally_webhook_meta")
        assert world.lead(page, "8000000000002").status == 200
        assert the_lead(world, "8000000000002")["state"] == "queued"

    def test_a_channel_that_was_disconnected_takes_nothing(self, world: World, page: MetaLine):
        world.lead(page, LEAD)
        world.execute("UPDATE channels SET state = 'disconnected' WHERE id = %(id)s", id=page.id)
        assert world.lead(page, "8000000000002").status == 404
        assert world.value("SELECT count(*) FROM leads") == 1
