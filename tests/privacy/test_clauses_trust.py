"""Clauses about what is collected, what AI is told, who is told, and changes of the policy: each is broken once."""

from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType

import pytest

from leadsrally.ai import score
from leadsrally.disclosures.subprocessors import SUBPROCESSORS
from leadsrally.privacy.clauses import collected, sharing, transfers
from tests.policy.conftest import FIRST, House
from tests.privacy.test_clauses import Audit, audited
from tests.world import World

__all__ = ["audited"]

# Roles belong to the whole server: who makes strong ones and who looks for them run one after another.
pytestmark = pytest.mark.usefixtures("roles_alone")

BREAKS = [
    ("P1.2 P3.1", "ALTER TABLE contacts ADD COLUMN birthday date"),
    ("P2.2", "ALTER TABLE organizations ALTER COLUMN ai_scoring SET DEFAULT true"),
    ("P2.2", "ALTER TABLE organizations ALTER COLUMN ai_auto_reply DROP NOT NULL"),
    ("P2.2", "REVOKE UPDATE (ai_suggestions) ON organizations FROM leadsrally_api"),
    ("P2.2", "UPDATE organizations SET ai_scoring = false, ai_suggestions = false"),
    ("P4.3", "UPDATE disclosures SET data_kinds = '{phone,message_text}' WHERE subprocessor = 'anthropic'"),
    (
        "P5.2",
        """INSERT INTO disclosures (organization_id, id, contact_id, subprocessor, purpose, data_kinds, disclosed_at)
           SELECT organization_id, gen_random_uuid(), contact_id, 'nobody_we_know', 'x', '{phone}', now()
             FROM disclosures LIMIT 1""",
    ),
    (
        "P4.7",
        """INSERT INTO media (organization_id, id, message_id, place, state, source, content_type,
                              provider_id, provider_until, created_at)
           SELECT organization_id, gen_random_uuid(), id, 0, 'pending', 'x', 'image/png', '1', now(), now() FROM messages
            WHERE direction = 'outbound' LIMIT 1""",
    ),
]


@pytest.mark.parametrize(("clause", "change"), BREAKS, ids=[f"{c}-{sql[:40]}" for c, sql in BREAKS])
def test_a_change_of_what_is_stored(audited: Audit, clause: str, change: str):
    audited.world.execute(change)
    assert audited.broken() == set(clause.split())


class TestTrials:
    """Checks that try the code itself."""

    def test_P1_2_a_kind_of_data_that_no_import_takes(self, audited: Audit, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(collected, "_BROUGHT_IN", ("phone", "birthday"))
        assert audited.broken() == {"P1.2"}

    def test_P4_3_more_than_a_snippet(self, audited: Audit, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sharing, "minimise", lambda lines, _: " ".join(line.body for line in lines))
        assert audited.broken() == {"P4.3"}

    def test_P4_3_a_model_that_is_asked_with_everything_off(
        self, audited: Audit, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(sharing, "may_ask", lambda **_: True)
        assert audited.broken() == {"P4.3"}

    @pytest.mark.parametrize("change", [{"document": ""}, {"link": ""}, {"mechanism": "trust"}], ids=str)
    def test_P5_2_somebody_without_clauses(
        self, audited: Audit, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
    ):
        loose = {**SUBPROCESSORS, "twilio": replace(SUBPROCESSORS["twilio"], **change)}
        monkeypatch.setattr(transfers, "SUBPROCESSORS", MappingProxyType(loose))
        assert audited.broken() == {"P5.2"}


@pytest.mark.parametrize("scoring", [False, True])
@pytest.mark.parametrize("suggestions", [False, True])
def test_a_model_is_asked_for_what_is_on(*, scoring: bool, suggestions: bool):
    assert score.may_ask(scoring=scoring, suggestions=suggestions) is (scoring or suggestions)


class TestPolicy:
    """P10.1."""

    @pytest.fixture
    def told(self, world: World) -> House:
        """A change that two organisations were told of, and that has its day."""
        house = House(world)
        house.watch()
        house.customer("ada@a.example")
        house.customer("bob@b.example")
        world.clock.pass_(hours=1)
        house.texts = (FIRST, replace(FIRST, dated=date(2026, 12, 1), summary="More."))
        house.watch()
        world.work("notify")
        house.watch()
        self._attest(house)
        return house

    def _attest(self, house: House) -> None:
        for document in ("age", "business_use"):
            house.world.execute(
                """INSERT INTO acceptances (organization_id, id, user_id, document, document_version, accepted_at)
                   SELECT organization_id, gen_random_uuid(), id, %(document)s, '1', created_at FROM users""",
                document=document,
            )

    def test_what_was_announced_in_time_is_kept(self, told: House):
        assert Audit(told.world).broken() == set()

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE policy_notices SET out_at = out_at + interval '3 days' WHERE true",
            "UPDATE policy_notices SET out_at = NULL",
            "DELETE FROM policy_notices WHERE organization_id = (SELECT min(organization_id::text)::uuid FROM policy_notices)",
            "UPDATE policy_versions SET altered_at = published_at",
            "UPDATE policy_versions SET effective_at = NULL, published_at = published_at - interval '8 days' WHERE material",
        ],
        ids=["a later notice", "not out", "not told", "altered", "stuck"],
    )
    def test_P10_1_breaks(self, told: House, change: str):
        told.world.execute(change)
        assert Audit(told.world).broken() == {"P10.1"}

    @pytest.mark.parametrize("state", ["pending", "erasing", "erased"])
    def test_P10_1_who_was_no_customer_was_not_to_be_told(self, told: House, state: str):
        told.world.execute(
            """DELETE FROM policy_notices
                WHERE organization_id = (SELECT min(organization_id::text)::uuid FROM policy_notices)"""
        )
        audit = Audit(told.world)
        assert audit.broken() == {"P10.1"}
        told.world.execute(
            """UPDATE organizations SET state = %(state)s
                WHERE id NOT IN (SELECT organization_id FROM policy_notices)""",
            state=state,
        )
        assert "P10.1" not in audit.broken()

    def test_P10_1_an_announcement_has_a_week(self, told: House):
        told.world.execute("UPDATE policy_versions SET effective_at = NULL, told_at = NULL WHERE material")
        at = told.version(told.texts[1])["published_at"] + timedelta(days=7)
        audit = Audit(told.world)
        assert "P10.1" not in audit.broken(at)
        assert "P10.1" in audit.broken(at + timedelta(microseconds=1))

    def test_P10_1_people_and_no_policy(self, audited: Audit):
        world = audited.world
        world.execute("DELETE FROM policy_versions")
        assert audited.broken(world.clock.now + timedelta(hours=1)) == set()
        assert "P10.1" in audited.broken(world.clock.now + timedelta(hours=2, seconds=9))
