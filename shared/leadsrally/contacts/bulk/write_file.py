"""Write the chosen contacts to a CSV file that an import reads as it was (E13), in constant memory.

The file appears whole or not at all, so a worker that takes over after a death begins it again. Each page is read in
a transaction of its own that is over before its text goes to the storage.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from leadsrally.consent.change import address_hashes
from leadsrally.contacts.bulk import store
from leadsrally.contacts.bulk.choose import choose
from leadsrally.contacts.bulk.desk import MARGIN, BulkDesk, TimeLeft, promise_to_forget
from leadsrally.contacts.bulk.types import Action, Counts, file_of
from leadsrally.contacts.fields import Field, cell_of, definitions
from leadsrally.contacts.imports.headings import knows
from leadsrally.contacts.tags import cell_of_names
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid
from leadsrally.kit.spreadsheet import head, rows
from leadsrally.telemetry import log

CONTENT_TYPE: Final = "text/csv"
_OWN: Final = ("phone", "name", "email", "time_zone", "tags", "consent_sms", "consent_whatsapp")
_BESIDE: Final = ("other_numbers", "id", "created_at", "updated_at")


class _Stopped(Exception):
    """Cancelled: what is half written must not appear."""


def write_file(desk: BulkDesk, job: Job, time_left: TimeLeft) -> Result:
    """Write it and have it deleted a day later. People whose data is restricted are not in it.

    Raises `Unavailable` when the storage or the base is away: the job comes again, and begins anew.
    """
    organization_id, action_id = job.organization_id, UUID(job.payload["action_id"])
    with desk.db.tenant(organization_id) as tx:
        action = store.one(tx, organization_id, action_id)
        known = definitions(tx, organization_id)
    if action is None or action.state != "running":
        return Done()
    key, page = file_of(organization_id, action_id), _Pages(desk, organization_id, action, known, time_left)
    try:
        desk.storage.put(key, page.chunks(), content_type=CONTENT_TYPE)
    except _Stopped:
        return Done()
    except Invalid as unfit:
        with desk.db.tenant(organization_id) as tx:
            store.fail(tx, organization_id, action_id, unfit.code, now=desk.clock())
            promise_to_forget(tx, organization_id, action_id, now=desk.clock())
        log.info("bulk_action.failed", action_id=action_id, reason=unfit.code)
        return Done()
    with desk.db.tenant(organization_id) as tx:
        now = desk.clock()
        store.advance(tx, organization_id, action_id, place=None, counts=page.counts, now=now)
        ended = store.move(tx, organization_id, action_id, ["running"], "done", now=now)
        if ended:
            promise_to_forget(tx, organization_id, action_id, now=now)
    if not ended:  # cancelled in the last moment
        desk.storage.delete(key)
        return Done()
    log.info("bulk_action.done", action_id=action_id, count=page.counts.contacts)
    return Done()


class _Pages:
    """The text of the file, page by page, and the counts so far."""

    def __init__(
        self,
        desk: BulkDesk,
        organization_id: UUID,
        action: Action,
        known: Mapping[str, Field],
        time_left: TimeLeft,
    ) -> None:
        self.counts = Counts()
        self._desk = desk
        self._organization_id = organization_id
        self._action = replace(action, place=None)
        self._known = known
        self._time_left = time_left

    def chunks(self) -> Iterator[bytes]:
        """Raises `Invalid` when it would take longer than a worker lives."""
        yield head([*_OWN, *map(_heading, self._known), *_BESIDE])
        place: UUID | None = None
        while True:
            if self._time_left() < MARGIN:
                raise Invalid("These are too many for one file. Choose fewer contacts.", code="too_large")
            with self._desk.db.tenant(self._organization_id) as tx:
                text, place = self._page(tx)
            yield text
            if place is None:
                return
            self._action = replace(self._action, place=place)

    def _page(self, tx: Tx) -> tuple[bytes, UUID | None]:
        ids, place = choose(tx, self._organization_id, self._action, self._desk.bite)
        people = tx.dicts(_PAGE, {"organization_id": self._organization_id, "ids": ids}) if ids else []
        shown = [one for one in people if not one["restricted"]]
        self.counts += Counts(
            changed=len(shown), restricted=len(people) - len(shown), missing=len(ids) - len(people)
        )
        told = store.advance(
            tx,
            self._organization_id,
            self._action.id,
            place=place,
            counts=self.counts,
            now=self._desk.clock(),
        )
        if not told:
            raise _Stopped
        refusing = _refusing(tx, self._desk, self._organization_id, shown)
        return rows([self._cells(one, refusing) for one in shown]).encode(), place

    def _cells(self, one: dict[str, Any], refusing: Mapping[str, set[UUID]]) -> list[str]:
        held = one["fields"]
        return [
            one["phone"] or "",
            one["name"],
            one["email"],
            one["time_zone"] or "",
            cell_of_names(one["tags"]),
            *(_permission(one, kind, refusing[kind]) for kind in refusing),
            *(cell_of(held[f.slot]) if f.slot in held else "" for f in self._known.values()),
            cell_of_names(one["other_numbers"]),
            str(one["id"]),
            one["created_at"].isoformat(),
            one["updated_at"].isoformat(),
        ]


def _heading(key: str) -> str:
    """The key, so that an import knows its field again; said to be one where it could be taken for something else."""
    return f"fields.{key}" if knows(key) or key in _BESIDE else key


def _permission(one: dict[str, Any], kind: str, refusing: set[UUID]) -> str:
    """`no` for whoever refuses marketing or all, `yes` for whoever agreed to it."""
    said = {state for state in one["said"] if state.startswith(f"{kind} ")}
    if one["id"] in refusing or f"{kind} revoked" in said:
        return "no"
    return "yes" if said == {f"{kind} granted"} else ""


def _refusing(
    tx: Tx, desk: BulkDesk, organization_id: UUID, people: Sequence[dict[str, Any]]
) -> dict[str, set[UUID]]:
    """Who must not be written to on each kind of channel since a number of theirs is suppressed."""
    found: dict[str, set[UUID]] = {"sms": set(), "whatsapp": set()}
    if not tx.value(_ANY_SUPPRESSIONS, {"organization_id": organization_id}):
        return found
    whose: dict[bytes, list[UUID]] = {}
    for one in people:
        addresses = [*one["addresses"], *([one["phone"]] if one["phone"] else [])]
        for hashed in address_hashes(desk.hashes, organization_id, addresses):
            whose.setdefault(hashed, []).append(one["id"])
    for row in tx.dicts(_SUPPRESSED, {"organization_id": organization_id, "hashes": list(whose)}):
        found[row["channel_kind"]].update(whose[row["number_hash"]])
    return found


_PAGE: Final = """
SELECT c.id, c.phone, c.name, c.email, c.time_zone, c.fields, c.created_at, c.updated_at,
       c.restricted_at IS NOT NULL AS restricted,
       ARRAY(SELECT i.value
               FROM contact_identities AS i
              WHERE i.organization_id = c.organization_id
                AND i.contact_id = c.id
                AND i.kind = 'number'
                AND i.retired_at IS NULL
              ORDER BY i.value) AS other_numbers,
       ARRAY(SELECT CASE i.kind WHEN 'wa_id' THEN '+' || i.value ELSE i.value END
               FROM contact_identities AS i
              WHERE i.organization_id = c.organization_id
                AND i.contact_id = c.id
                AND i.retired_at IS NULL) AS addresses,
       ARRAY(SELECT t.name
               FROM contact_tags AS ct
               JOIN tags AS t ON t.organization_id = ct.organization_id AND t.id = ct.tag_id AND t.deleted_at IS NULL
              WHERE ct.organization_id = c.organization_id
                AND ct.contact_id = c.id
              ORDER BY lower(t.name)) AS tags,
       ARRAY(SELECT s.channel_kind || ' ' || s.state
               FROM consent_states AS s
              WHERE s.organization_id = c.organization_id
                AND s.contact_id = c.id
                AND s.purpose IN ('all', 'marketing')) AS said
  FROM contacts AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.id = ANY (%(ids)s::uuid[])
 ORDER BY c.id DESC
"""
_ANY_SUPPRESSIONS: Final = """
SELECT EXISTS (SELECT 1 FROM suppressions WHERE organization_id = %(organization_id)s)
"""
_SUPPRESSED: Final = """
SELECT channel_kind, number_hash
  FROM suppressions
 WHERE organization_id = %(organization_id)s
   AND channel_kind IN ('sms', 'whatsapp')
   AND number_hash = ANY (%(hashes)s::bytea[])
   AND purpose IN ('all', 'marketing')
"""
