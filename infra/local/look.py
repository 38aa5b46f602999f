"""`leadsrally look`: what was found at the providers, and by whom, for the clauses that no query of ours can check."""

from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta

from infra.local.production import Installation
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database, refuse_strong_role
from leadsrally.kit.errors import Misconfigured
from leadsrally.kit.ids import new_id
from leadsrally.privacy.outside import store
from leadsrally.privacy.outside.store import WHAT, Look, Subject, Verdict
from leadsrally.providers.sentry.events import BASE_URL, SentryEvents

_KEPT = timedelta(days=30)


def record(
    installation: Installation, subject: Subject, verdict: Verdict, *, by: str, days: int | None, note: str
) -> None:
    """Write down what somebody found who looked."""
    now = system_clock()
    look = Look(new_id(now), subject, verdict, days, by, note, now)
    with closing(_db(installation)) as db, db.across() as tx:
        store.record(tx, look)
    print(f"{subject}: {verdict}, looked at by {by} at {now:%Y-%m-%d %H:%M} UTC")


def ask_sentry(installation: Installation) -> int:
    """Ask Sentry whether it has an event older than 30 days, and write down the answer. 1: it has."""
    before = system_clock() - _KEPT
    found = sentry_of(installation.environment).any_before(before)
    note = f"{'an' if found else 'no'} event from before {before:%Y-%m-%d %H:%M} UTC"
    record(
        installation,
        "sentry_events",
        "broken" if found else "kept",
        by="leadsrally look sentry",
        days=None,
        note=note,
    )
    return 1 if found else 0


def list_looks(installation: Installation) -> int:
    """Print the newest look at each subject. 1: one is missing or found something broken."""
    with closing(_db(installation)) as db, db.across() as tx:
        newest = store.newest(tx)
    for subject, what in WHAT.items():
        look = newest.get(subject)
        told = (
            f"{look.verdict} on {look.looked_at:%Y-%m-%d} by {look.looked_by}" if look else "never looked at"
        )
        days = f", {look.days} days" if look and look.days is not None else ""
        print(f"{subject:<18} {told}{days}\n  {what}")
        if look and look.note:
            print(f"  {look.note}")
    return 0 if all(subject in newest and newest[subject].verdict != "broken" for subject in WHAT) else 1


def sentry_of(environment: Mapping[str, str]) -> SentryEvents:
    """Whom to ask, by the environment. Raises `Misconfigured` naming what is missing."""
    names = ("SENTRY_ORG", "SENTRY_PROJECT", "SENTRY_API_TOKEN")
    for name in names:
        if not environment.get(name):
            raise Misconfigured(
                f"{name} is not set: the events of a project are asked for by it.", code="missing_setting"
            )
    organization, project, token = (environment[name] for name in names)
    return SentryEvents(organization, project, token, environment.get("SENTRY_API_URL") or BASE_URL)


def _db(installation: Installation) -> Database:
    db = Database(installation.role_url("leadsrally_backup"))
    refuse_strong_role(db)
    return db
