"""Imports killed with SIGKILL between and within their batches: the next worker goes on, and every count is exact."""

import signal
from typing import Any

import pytest

from tests.api.conftest import person
from tests.faults.conftest import Mortals
from tests.imports.conftest import PROOF, Importer
from tests.world import World

KILLED = -signal.SIGKILL
BATCH = 4
FILE = "Phone,Name,Opt-in\n" + "".join(
    f"{phone},{name},{said}\n"
    for phone, name, said in [
        *(
            (f"+1415867{5300 + place}", f"Person {place}", "yes" if place % 3 else "no")
            for place in range(20)
        ),
        ("nonsense", "", ""),
        ("+14158675300", "Twice", ""),
        ("1.2E+10", "", ""),
        *((f"(415) 867-{5310 + place}", "Again", "") for place in range(3)),
        *((f"+1415867{5400 + place}", "", "") for place in range(5)),
    ]
)


def told(world: World, importer: Importer) -> dict[str, Any]:
    """All that an import leaves, without ids and times."""
    own = {"id": importer.org.id}
    return {
        "contacts": [(phone, row["name"], row["version"]) for phone, row in importer.contacts().items()],
        "events": world.rows(
            """SELECT c.phone, e.action, e.purpose FROM consent_events e JOIN contacts c ON c.id = e.contact_id
                WHERE e.organization_id = %(id)s ORDER BY 1, 2, 3""",
            **own,
        ),
        "suppressed": world.value("SELECT count(*) FROM suppressions WHERE organization_id = %(id)s", **own),
        "changes": world.value("SELECT count(*) FROM import_changes WHERE organization_id = %(id)s", **own),
    }


def prepared(world: World, name: str) -> Importer:
    """Somebody with a few contacts already, of which the file changes some."""
    org = world.organization(name)
    importer = Importer(world, org, person(world, org))
    importer.run("Phone,Name\n+14158675301,\n+14158675302,Somebody\n")
    return importer


def undisturbed(world: World) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    importer = prepared(world, "Undisturbed")
    import_id = importer.ready(FILE, attestation=PROOF)
    counts = importer.go(import_id)["counts"]
    return counts, told(world, importer), importer.problems(import_id)


@pytest.mark.parametrize("commits", [0, 1, 2, 3, 5, 7, 9])
def test_E15_a_run_that_died_at_any_commit_is_gone_on_with(world: World, mortals: Mortals, commits: int):
    """Commits are: the claim, reading the import, the fields; then one for each batch, the end, the job's own."""
    expected = undisturbed(world)
    importer = prepared(world, "Killed")
    import_id = importer.ready(FILE, attestation=PROOF)
    assert importer.client.post(f"/v1/imports/{import_id}/run")[0] == 202
    ended = mortals.run("work", queue="import_contacts", batch=BATCH, die="before_commit", commits=commits)
    assert ended == KILLED
    half = importer.shown(import_id)
    assert half["state"] in ("running", "done")
    assert half["counts"]["created"] + 2 == len(importer.contacts())

    mortals.later("import_contacts", minutes=30)
    shown = importer.shown(import_id)
    assert shown["state"] == "done"
    assert (shown["counts"], told(world, importer), importer.problems(import_id)) == expected


def test_Q9_killed_again_and_again_it_still_ends_exact(world: World, mortals: Mortals):
    expected = undisturbed(world)
    importer = prepared(world, "Killed")
    import_id = importer.ready(FILE, attestation=PROOF)
    assert importer.client.post(f"/v1/imports/{import_id}/run")[0] == 202
    deaths = 0
    for commits in (3, 4, 2, 4, 3, 5):
        deaths += (
            mortals.run("work", queue="import_contacts", batch=BATCH, die="before_commit", commits=commits)
            == KILLED
        )
        world.clock.pass_(minutes=30)
        mortals.tick()
    assert deaths >= 4
    mortals.later("import_contacts", hours=2)
    shown = importer.shown(import_id)
    assert (shown["counts"], told(world, importer), importer.problems(import_id)) == expected


@pytest.mark.parametrize("commits", [2, 3, 4, 5])
def test_an_undo_that_died_is_gone_on_with(world: World, mortals: Mortals, commits: int):
    importer = prepared(world, "Killed")
    before = importer.contacts()
    import_id = importer.ready(FILE, attestation=PROOF)
    importer.go(import_id)
    assert importer.client.post(f"/v1/imports/{import_id}/undo")[0] == 202
    assert mortals.run("work", queue="import_contacts", die="before_commit", commits=commits) == KILLED
    mortals.later("import_contacts", minutes=30)
    shown = importer.shown(import_id)
    assert (shown["state"], shown["undone"]) == ("undone", {"removed": 23, "restored": 1})
    assert {phone: row["name"] for phone, row in importer.contacts().items()} == {
        phone: row["name"] for phone, row in before.items()
    }
