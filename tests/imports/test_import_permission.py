"""S7: an import never loosens consent, in whatever form a number is written; what it attests is proven."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally import runtime
from leadsrally.consent.change import address_hashes
from tests.imports.conftest import PROOF, Importer
from tests.imports.test_run_import import ADA, BOB, HEAD, counted
from tests.world import World

EVERYTHING = {
    **PROOF,
    "permissions": [
        {"channel": c, "purpose": p} for c in ("sms", "whatsapp") for p in ("service", "marketing")
    ],
}


def states(world: World) -> list[tuple[str, str, str, str]]:
    found = world.rows(
        """SELECT c.phone, s.channel_kind, s.purpose, s.state FROM consent_states s JOIN contacts c ON c.id = s.contact_id
            ORDER BY 1, 2, 3"""
    )
    return [(row["phone"], row["channel_kind"], row["purpose"], row["state"]) for row in found]


def forget_everybody(world: World) -> None:
    """As erasing does: all of a person goes but the hash of a suppression."""
    for table in ("consent_states", "consent_events", "disclosures", "messages", "conversations", "contacts"):
        world.execute(f"DELETE FROM {table}")


class TestProof:
    def test_P3_2_whoever_said_nothing_is_permitted_with_words_and_evidence(
        self, world: World, importer: Importer
    ):
        counts = importer.run(f"{HEAD}{ADA},Ada,\n", attestation=PROOF)
        assert counted(counts) == {"created": 1, "permitted": 1}
        assert states(world) == [(ADA, "sms", "marketing", "granted")]
        event = world.row("SELECT * FROM consent_events")
        assert (event["source"], event["method"], event["reference"]) == ("import", "web_form", "form 7")
        assert event["actor_id"] == importer.client.user_id
        words = world.value("SELECT words FROM consent_wordings WHERE id = %(id)s", id=event["wording_id"])
        assert words == PROOF["wording"]

    def test_without_a_claim_nothing_is_permitted(self, world: World, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,\n")
        assert states(world) == []

    def test_what_was_said_before_stands(self, world: World, importer: Importer):
        importer.run(f"{HEAD}{ADA},Ada,\n", attestation=PROOF)
        assert counted(importer.run(f"{HEAD}{ADA},Ada,\n", attestation=PROOF)) == {"unchanged": 1}
        assert world.value("SELECT count(*) FROM consent_events") == 1

    def test_a_column_speaks_for_each_row(self, world: World, importer: Importer):
        file = f"Phone,Opt-in\n{ADA},yes\n{BOB},\n+14158675312,NO\n+14158675313,perhaps\n"
        counts = importer.run(file, attestation=PROOF)
        assert counted(counts) == {
            "created": 4,
            "permitted": 1,
            "opted_out": 1,
            "incomplete": 1,
            "reasons": {"consent_unclear": 1},
        }
        assert states(world) == [
            (ADA, "sms", "marketing", "granted"),
            ("+14158675312", "sms", "all", "revoked"),
        ]
        assert world.value("SELECT source FROM suppressions") == "import"

    def test_a_trial_foresees_opt_outs(self, importer: Importer):
        import_id = importer.ready(f"Phone,Opt-in\n{ADA},yes\n{BOB},no\n", attestation=PROOF)
        foreseen = importer.check(import_id)
        assert counted(foreseen) == {"created": 2, "permitted": 1, "opted_out": 1}
        assert importer.go(import_id)["counts"] == foreseen


# The same number as people and spreadsheets write it.
FORMS = st.one_of(
    st.sampled_from(
        [
            "+14158675310",
            "14158675310",
            "4158675310",
            "(415) 867-5310",
            "415.867.5310",
            "415-867-5310 x12",
            "001 415 867 5310",
            "1-415-867-5310",
            "14158675310.0",
            "'+14158675310",
            "\uff0b14158675310",
        ]
    ),
    st.lists(st.sampled_from([" ", "-", ".", ""]), min_size=9, max_size=9).map(
        lambda gaps: "+1" + "".join(digit + gap for digit, gap in zip("415867531", gaps, strict=True)) + "0"
    ),
)


class TestNeverLoosened:
    @given(FORMS, st.booleans(), st.sampled_from(["", "yes"]))
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_S7_after_a_stop_the_same_number_stays_suppressed(
        self, world: World, importer: Importer, written: str, erased: bool, column: str
    ):
        line = world.line(importer.org)
        world.text(line, "STOP", sender=ADA)
        if erased:
            forget_everybody(world)
        counts = importer.run(f'Phone,Opt-in\n"{written}",{column}\n', attestation=EVERYTHING)
        assert counts["suppressed"] == 1, counts
        assert counts["created"] == (1 if erased else 0)
        assert not [one for one in states(world) if one[1] == "sms" and one[3] == "granted"]
        with runtime.of("api").db.tenant(importer.org.id) as tx:
            hashes = address_hashes(runtime.of("api").hashes, importer.org.id, [ADA])
            found = tx.value(
                "SELECT count(*) FROM suppressions WHERE channel_kind = 'sms' AND number_hash = ANY (%(h)s::bytea[])",
                {"h": hashes},
            )
        assert found == 1
        message = world.reply(line, world.conversation(line, ADA), "Offer")
        world.work("send_message")
        assert world.message(message)["status"] == "refused"
        world.execute("DELETE FROM suppressions")
        forget_everybody(world)

    def test_S7_a_stop_in_the_middle_of_the_import_counts(
        self, world: World, importer: Importer, monkeypatch: pytest.MonkeyPatch
    ):
        """It comes when the number is staged, and before its permission is written."""
        from leadsrally.contacts.imports import run as run_module

        importer.run(f"{HEAD}{ADA},Ada,\n")
        line = world.line(importer.org)
        genuine = run_module.stage

        def staged(tx: Any, batch: Any) -> None:
            genuine(tx, batch)
            assert world.text(line, "STOP", sender=ADA).status == 200

        monkeypatch.setattr(run_module, "stage", staged)
        importer.run(f"{HEAD}{ADA},Ada,\n", attestation=PROOF)
        assert states(world) == [(ADA, "sms", "all", "revoked")]

    def test_E3_somebody_erased_stays_suppressed_when_imported(self, world: World, importer: Importer):
        line = world.line(importer.org)
        world.text(line, "STOP", sender=ADA)
        forget_everybody(world)
        counts = importer.run(f"{HEAD}{ADA},Ada,\n", attestation=PROOF)
        assert counted(counts) == {"created": 1, "suppressed": 1}
        assert states(world) == []

    def test_E17_consent_does_not_travel_to_a_number_that_the_person_gave_up(
        self, world: World, importer: Importer
    ):
        importer.run(f"{HEAD}{ADA},Ada,\n", attestation=PROOF)
        world.execute("UPDATE contacts SET phone = %(b)s", b=BOB)
        importer.run(f"{HEAD}{ADA},Somebody,\n")
        assert [one[0] for one in states(world)] == [BOB]
