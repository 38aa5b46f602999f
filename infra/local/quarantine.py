"""`leadsrally quarantine`: what could not be taken of WhatsApp's deliveries, and a new try by a version that can."""

import sys

from infra.local.production import Installation
from leadsrally.kit.clock import system_clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, refuse_strong_role
from leadsrally.kit.settings import Settings
from leadsrally.messaging.quarantine_store import shelves
from leadsrally.messaging.replay_quarantine import Replay, replay_quarantine
from leadsrally.messaging.take_delivery import Intake
from leadsrally.providers.meta.error_codes import effect_of
from leadsrally.providers.meta.inbound import reread


def list_quarantine(installation: Installation) -> int:
    """Print how many pieces wait, by channel and reason. 1: there are some."""
    db = _db(installation, "quarantine")
    with db.across() as tx:
        found = shelves(tx)
    db.close()
    for shelf in found:
        print(
            f"{shelf.channel_id}  {shelf.reason:<24} {shelf.pieces:>6} pieces"
            f" · {shelf.long} too long to be kept · oldest {shelf.oldest:%Y-%m-%d %H:%M} UTC"
        )
    print(f"{sum(shelf.pieces for shelf in found)} pieces are set aside")
    return 1 if found else 0


def replay(installation: Installation, *, reason: str | None, dry_run: bool) -> int:
    """Try them again and print the counts. 1: some are still not understood."""
    aside, webhook = _db(installation, "quarantine"), _db(installation, "webhook_meta")
    hashes = KeyedHash(Settings(installation.environment).key("LEADSRALLY_HASH_KEY"))
    intake = Intake(webhook, hashes, effect_of, _surprised)
    counts = replay_quarantine(Replay(aside, reread, intake, system_clock), reason=reason, dry_run=dry_run)
    for db in (aside, webhook):
        db.close()
    for outcome, count in sorted(counts.items()):
        print(f"{outcome:<32} {count:>6}")
    stay = sum(count for outcome, count in counts.items() if outcome.startswith(("still:", "disconnected")))
    print(f"{counts.total() - stay} {'could be taken' if dry_run else 'taken'}, {stay} stay")
    return 1 if stay else 0


def _surprised(error: BaseException) -> None:
    print(f"leadsrally: {type(error).__name__} while taking a piece; it stays", file=sys.stderr)


def _db(installation: Installation, name: str) -> Database:
    db = Database(installation.role_url(f"leadsrally_{name}"))
    refuse_strong_role(db)
    return db
