"""`leadsrally backup` and `leadsrally backups`."""

from contextlib import closing

from infra.local.backups.nightly import BACKUP, desk_of
from infra.local.production import Installation
from leadsrally.kit.settings import Settings
from leadsrally.privacy.backups.expire import expire_backups
from leadsrally.privacy.backups.make import make_backup
from leadsrally.privacy.backups.shelf import whole_ones
from leadsrally.privacy.retention import BACKUPS
from leadsrally.runtime import Runtime


def back_up(installation: Installation) -> None:
    """Delete what is past its window, then make a backup and print what it holds."""
    backup = door(installation)
    with closing(backup.db):
        expired = expire_backups(desk_of(backup))
        made = make_backup(desk_of(backup))
    print(f"{expired.deleted} backups were deleted, none is older than {BACKUPS.after.days} days")
    print(
        f"{made.head.id}: {sum(made.head.rows.values())} rows of {len(made.head.rows)} tables,"
        f" {made.size} bytes, sealed"
    )


def list_backups(installation: Installation) -> int:
    """Print every whole backup, the oldest first, and until when it is kept. 1: there is none."""
    found = whole_ones(door(installation).storage)
    for backup in found:
        head = backup.head
        print(
            f"{head.id}  {head.at:%Y-%m-%d %H:%M} UTC  kept until {head.at + BACKUPS.after:%Y-%m-%d %H:%M}"
            f"  {sum(head.rows.values())} rows  {backup.size} bytes"
        )
    print(f"{len(found)} backups")
    return 0 if found else 1


def door(installation: Installation) -> Runtime:
    """What the role `leadsrally_backup` works with in this installation."""
    values = {**installation.environment, "DATABASE_URL": installation.role_url("leadsrally_backup")}
    return Runtime("backup", Settings(values, allowed=BACKUP.settings))
