"""The backups of the one-process host: rung each hour, it makes one a day and keeps none too long.

On AWS nothing rings this, for Lambda has no pg_dump: there `leadsrally backup` runs beside the database
(docs/decisions/0026).
"""

from datetime import timedelta
from typing import Any, Final

from infra.local.backups.programs import pg_dump
from infra.local.functions import Function
from leadsrally import runtime
from leadsrally.privacy.backups.expire import expire_backups
from leadsrally.privacy.backups.make import BackupDesk, make_backup
from leadsrally.privacy.backups.shelf import shelved
from leadsrally.providers.storage.folder import FolderStorage
from leadsrally.runtime import Runtime

_EVERY: Final = timedelta(hours=23, minutes=30)  # rung on the hour, so one comes a day, at the same hour
_DRAFTS: Final = timedelta(days=1)

BACKUP: Final = Function(
    name="backup",
    module="infra.local.backups.nightly",
    routes=(),
    queue=False,
    batch_size=0,
    schedules=("cron(20 * * * ? *)",),
    settings=frozenset(
        {
            "LEADSRALLY_ENV",
            "LEADSRALLY_RELEASE",
            "LEADSRALLY_LOG_LEVEL",
            "SENTRY_DSN",
            "DATABASE_URL",
            "LEADSRALLY_KMS_KEY",
            "LEADSRALLY_MASTER_KEYS",
            "LEADSRALLY_BUCKET",
            "LEADSRALLY_STORAGE_DIR",
        }
    ),
    memory_mb=512,
    timeout_seconds=3600,
)


def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns how many backups were deleted, and whether one was made. Ringing twice makes one."""
    door = runtime.of("backup")
    with door.invocation(context):
        desk = desk_of(door)
        if isinstance(desk.storage, FolderStorage):
            desk.storage.forget_drafts(door.clock() - _DRAFTS)
        deleted = expire_backups(desk).deleted
        made = _is_time(desk)
        if made:
            make_backup(desk)
    return {"deleted": deleted, "made": made}


def desk_of(door: Runtime) -> BackupDesk:
    """What the role `leadsrally_backup` works with on this host."""
    url = door.settings.required("DATABASE_URL")
    return BackupDesk(
        door.db, door.clock, door.storage, door.vault.keys, lambda snapshot: pg_dump(url, snapshot)
    )


def _is_time(desk: BackupDesk) -> bool:
    newest = max((each.at for each in shelved(desk.storage) if each.whole), default=None)
    return newest is None or desk.clock() - newest >= _EVERY
