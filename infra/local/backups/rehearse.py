"""Rehearse the day on which a backup is needed: all of it, in databases of its own that are thrown away.

The newest backup comes back and forgets what the ledger names. Then two people who never lived are put into it, a new
backup is made of that, one of the two is erased, and that backup is restored in its turn: the one who was erased must
be nowhere in it, not in one byte of a dump, and the other must be there.
"""

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from uuid import UUID

import psycopg

from infra.local.backups import closed
from infra.local.backups.programs import as_text, pg_dump
from infra.local.backups.restore import Archive, Restored, Target, forget, hold_back, load
from infra.local.provision import role_of
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import LeadsRallyError
from leadsrally.kit.ids import new_id
from leadsrally.kit.storage import Storage
from leadsrally.privacy.backups.forget import Forgotten, forget_erased
from leadsrally.privacy.backups.make import BackupDesk, make_backup
from leadsrally.privacy.backups.shelf import REHEARSALS, dump_key, manifest_key
from leadsrally.privacy.backups.types import Backup
from leadsrally.privacy.erasure.ledger import Entry

BACKUP = "backup"  # whose role makes backups
ERASES = "erase"

_PEOPLE = """
INSERT INTO organizations (id, name, help_contact, created_at)
VALUES (%(organization)s, 'Rehearsal', 'nobody@rehearsal.example', %(now)s);
INSERT INTO contacts (organization_id, id, phone, name, email, created_at, updated_at)
VALUES (%(organization)s, %(erased)s, %(phone_of_erased)s, %(name_of_erased)s, '', %(now)s, %(now)s),
       (%(organization)s, %(living)s, %(phone_of_living)s, %(name_of_living)s, '', %(now)s, %(now)s)
"""


class RehearsalFailed(LeadsRallyError):
    """A backup did not come back as promised: somebody erased is in it, or somebody living is not."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of it: the newest backup as it came back, and how long that took in seconds."""

    backup: Backup
    restored: Restored
    seconds: float


@dataclass(frozen=True, slots=True)
class _Canaries:
    organization: UUID
    erased: UUID
    living: UUID
    words: str  # which nobody else's data hold

    def name(self, which: str) -> str:
        return f"canary {which} {self.words}"


def rehearse(
    archive: Archive, backup: Backup, target: Target, clock: Clock, *, say: Callable[[str], None] = print
) -> Rehearsed:
    """Play it through; `target.database` and one more are made for it and thrown away, whatever happens.

    Raises `RehearsalFailed`, and what restoring raises.
    """
    second = replace(target, database=f"{target.database}_again")
    began = time.monotonic()
    try:
        rows = load(archive, backup, target)
        forgotten = forget(archive, backup, target)
        held_back = hold_back(target)
        took = time.monotonic() - began
        say(f"the newest backup: {rows} rows back, {forgotten.entries} erasures done again, in {took:.1f} s")
        canaries = _plant(target, clock)
        again = _back_up(archive, target, clock)
        try:
            say("a backup with two people in it who never lived, one of them erased since")
            _come_back(archive, again, second, canaries, clock)
        finally:
            _throw_away(archive.storage, again)
        say("restored: the one who was erased is nowhere in it, the other one is")
        return Rehearsed(backup, Restored(rows, forgotten, held_back), took)
    finally:
        for each in (target, second):
            closed.drop(each.admin_url, each.database)


def _plant(target: Target, clock: Clock) -> _Canaries:
    now = clock()
    canaries = _Canaries(new_id(now), new_id(now), new_id(now), os.urandom(8).hex())
    given = {
        "organization": canaries.organization,
        "erased": canaries.erased,
        "living": canaries.living,
        "phone_of_erased": f"e{canaries.words}",
        "phone_of_living": f"l{canaries.words}",
        "name_of_erased": canaries.name("erased"),
        "name_of_living": canaries.name("living"),
        "now": now,
    }
    with psycopg.connect(target.url) as connection:
        for statement in _PEOPLE.split(";"):
            connection.execute(statement.encode(), given)
    return canaries


def _back_up(archive: Archive, target: Target, clock: Clock) -> Backup:
    closed.let_in(target.admin_url, target.database, [role_of(BACKUP)])
    url = target.role_url(role_of(BACKUP))
    with closing(Database(url)) as db:
        desk = BackupDesk(db, clock, archive.storage, archive.keys, lambda snapshot: pg_dump(url, snapshot))
        return make_backup(desk, REHEARSALS)


def _come_back(
    archive: Archive, again: Backup, target: Target, canaries: _Canaries, clock: Clock
) -> Forgotten:
    load(replace(archive, purpose=REHEARSALS), again, target)
    _expect(target, canaries, erased=True, living=True)
    now = clock()
    entry = Entry(new_id(now), now, "contact", canaries.organization, canaries.erased)
    closed.let_in(target.admin_url, target.database, [role_of(ERASES)])
    with closing(Database(target.role_url(role_of(ERASES)))) as db:
        forgotten = forget_erased(db, [entry], archive.replay)
    _expect(target, canaries, erased=False, living=True)
    return forgotten


def _expect(target: Target, canaries: _Canaries, *, erased: bool, living: bool) -> None:
    """Look for both in a whole dump of the database. Raises `RehearsalFailed`."""
    found = _found(target, canaries)
    if found != (erased, living):
        raise RehearsalFailed(
            f"Of two people in the rehearsal the erased one was {'' if found[0] else 'not '}found and the living one was"
            f" {'' if found[1] else 'not '}found. Do not rely on these backups before it is known why.",
            code="rehearsal_failed",
        )


def _found(target: Target, canaries: _Canaries) -> tuple[bool, bool]:
    wanted = [canaries.name(which).encode() for which in ("erased", "living")]
    found = [False, False]
    tail = b""
    with as_text(target.url) as pieces:
        for piece in pieces:
            text = tail + piece
            found = [before or word in text for before, word in zip(found, wanted, strict=True)]
            tail = text[-100:]  # longer than either
    return found[0], found[1]


def _throw_away(storage: Storage, backup: Backup) -> None:
    head = backup.head
    storage.delete(dump_key(REHEARSALS, head.at, head.id))
    storage.delete(manifest_key(REHEARSALS, head.at, head.id))
