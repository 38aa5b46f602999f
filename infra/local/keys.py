"""`leadsrally keys`: which master keys guard how much, and the move to the current one."""

from infra.local.production import Installation
from leadsrally.kit.crypto import Vault
from leadsrally.kit.db import Database, refuse_strong_role
from leadsrally.kit.settings import Settings
from leadsrally.privacy.rotate_keys import rotate_keys, take_census
from leadsrally.runtime import keys_of


def list_keys(installation: Installation) -> int:
    """Print every master key with the number of secrets it guards. 1: some name a key that is not given here."""
    vault, db = _vault(installation), _db(installation)
    census = take_census(db, vault)
    db.close()
    names = vault.keys.names
    missing = 0
    for column in census:
        print(column.column)
        for name in (*names, *sorted(column.by_key.keys() - set(names))):
            count = column.by_key.get(name, 0)
            state = "current" if name == names[0] else "opens" if name in names else "NOT GIVEN HERE"
            missing += count if name not in names else 0
            print(f"  {name:<40} {state:<15} {count:>8}")
        if column.unknown:
            missing += column.unknown
            print(
                f"  {'(of no key service that is set here)':<40} {'NOT GIVEN HERE':<15} {column.unknown:>8}"
            )
    return 1 if missing else 0


def rotate(installation: Installation, *, dry_run: bool, batch: int) -> int:
    """Move all secrets to the current master key and print the counts. 1: some could not be opened."""
    vault, db = _vault(installation), _db(installation)
    rotations = rotate_keys(db, vault, dry_run=dry_run, batch=batch)
    db.close()
    print(f"current master key: {vault.keys.names[0]}")
    for done in rotations:
        verb = "would be moved" if dry_run else "moved"
        print(
            f"{done.column}: {done.current} were current · {done.moved} {verb}"
            f" · {done.overtaken} overtaken by a newer secret · {len(done.broken)} do not open"
        )
        for row_id in done.broken[:20]:
            print(f"  does not open: {row_id}")
    return 1 if any(done.broken for done in rotations) else 0


def _vault(installation: Installation) -> Vault:
    return Vault(keys_of(Settings(installation.environment)))


def _db(installation: Installation) -> Database:
    db = Database(installation.role_url("leadsrally_keys"))
    refuse_strong_role(db)
    return db
