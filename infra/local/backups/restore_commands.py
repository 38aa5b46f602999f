"""`leadsrally restore` and `rehearse-restore`."""

from datetime import timedelta
from uuid import UUID, uuid4

from psycopg.conninfo import make_conninfo

from infra.local import look
from infra.local.backups import restore as restoring
from infra.local.backups.commands import door
from infra.local.backups.rehearse import rehearse
from infra.local.backups.restore import Archive, Target
from infra.local.pinned import pinned
from infra.local.production import Installation
from infra.local.roles import logins, passwords, role_url
from leadsrally.kit.clock import system_clock
from leadsrally.kit.errors import LeadsRallyError, Misconfigured
from leadsrally.privacy.backups.shelf import chosen
from leadsrally.privacy.erasure.replay import replay
from leadsrally.privacy.outside.store import Verdict


def restore(
    installation: Installation, admin_url: str | None, database: str | None, backup_id: UUID | None
) -> None:
    """Restore a backup (the newest one) into a database of its own, and open it once it has forgotten."""
    archive = _archive(installation)
    backup = chosen(archive.storage, backup_id)
    name = database or f"leadsrally_{backup.head.at:%Y%m%d_%H%M%S}"
    print(f"restoring {backup.head.id} of {backup.head.at:%Y-%m-%d %H:%M:%S} UTC into {name}")
    restoring.restore(archive, backup, _target(installation, admin_url, name), system_clock)
    print("Point DATABASE_URL at it and start the functions again.")


def rehearse_restore(installation: Installation, admin_url: str | None, backup_id: UUID | None) -> None:
    """Play a restore through, throw it away, and write down how it went."""
    archive = _archive(installation)
    backup = chosen(archive.storage, backup_id)
    age = system_clock() - backup.head.at
    print(f"rehearsing with {backup.head.id}, {age // timedelta(hours=1)} hours old")
    target = _target(installation, admin_url, f"leadsrally_rehearsal_{uuid4().hex[:12]}")
    try:
        done = rehearse(archive, backup, target, system_clock)
    except LeadsRallyError as error:
        _written_down(installation, "broken", f"{backup.head.id}: {error.code}")
        raise
    told = f"{backup.head.id}: {done.restored.rows} rows in {done.seconds:.0f} s"
    _written_down(installation, "kept", f"{told}, {done.restored.forgotten.entries} erasures done again")
    print("The rehearsal went well; both of its databases are gone again.")


def _written_down(installation: Installation, verdict: Verdict, note: str) -> None:
    by = "leadsrally rehearse-restore"
    look.record(installation, "restore_rehearsal", verdict, by=by, days=None, note=note)


def _archive(installation: Installation) -> Archive:
    made = door(installation)
    return Archive(made.storage, made.vault.keys, replay)


def _target(installation: Installation, admin_url: str | None, database: str) -> Target:
    admin = admin_url or installation.admin_url
    if admin is None:
        raise Misconfigured(
            "Say as whom to make the database: `leadsrally … postgresql://admin@host/postgres`, a superuser's address.",
            code="no_admin",
        )
    admin = pinned(admin, installation.environment)
    names, key = logins(), installation.role_key

    def address(name: str, role: str) -> str:
        return role_url(make_conninfo(admin, dbname=name), key)(role)

    return Target(admin, database, address, names, passwords(names, key))
