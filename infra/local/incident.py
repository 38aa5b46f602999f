"""`leadsrally incident`: the register of breaches, the clock, whom one concerns, and the notices (P8.5)."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

from infra.local.production import Installation
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database, refuse_strong_role
from leadsrally.kit.errors import Invalid
from leadsrally.kit.settings import Settings
from leadsrally.privacy.incidents import affected, hours, record, store, tell
from leadsrally.runtime import letterhead_of


def run(installation: Installation, given: argparse.Namespace) -> int:
    """One act. 1: `show` finds somebody who was not told."""
    with _register(installation) as db:
        return _ACTS[given.act](db, installation, given) or 0


@contextmanager
def _register(installation: Installation) -> Iterator[Database]:
    db = Database(installation.role_url("leadsrally_incidents"))
    try:
        refuse_strong_role(db)
        yield db
    finally:
        db.close()


def _list(db: Database, _installation: Installation, given: argparse.Namespace) -> None:
    with db.across() as tx:
        found = store.incidents(tx)
    if given.format == "json":
        print(json.dumps([asdict(one) for one in found], default=str, indent=1))
        return
    for one in found:
        state = "closed" if one.closed_at else "confirmed" if one.confirmed_at else "recorded"
        kind = "drill" if one.drill else "incident"
        print(f"{one.id}  {one.recorded_at:%Y-%m-%d %H:%M}  {kind:<8}  {state:<9}  {one.title}")


def _record(db: Database, _installation: Installation, given: argparse.Namespace) -> None:
    now = system_clock()
    with db.across() as tx:
        made = record.record(tx, given.title, detected_at=given.detected or now, drill=given.drill, now=now)
    print(made)


def _describe(db: Database, _installation: Installation, given: argparse.Namespace) -> None:
    told = ("nature", "people_about", "records_about", "consequences", "measures")
    with db.across() as tx:
        record.describe(tx, given.incident, {name: getattr(given, name) for name in told})


def _confirm(db: Database, _installation: Installation, given: argparse.Namespace) -> None:
    with db.across() as tx:
        found = record.confirm(tx, given.incident, now=system_clock())
    assert found.confirmed_at is not None
    print(
        f"confirmed {_time(found.confirmed_at)}; customers are to be told by {_time(hours.deadline(found.confirmed_at))}"
    )


def _scope(db: Database, _installation: Installation, given: argparse.Namespace) -> None:
    now = system_clock()
    with db.across() as tx:
        if given.organization is not None:
            affected.find_by_name(tx, given.incident, given.organization, now=now)
        elif given.table is not None and given.since is not None:
            found = affected.find_by_table(
                tx,
                given.incident,
                given.table,
                since=given.since,
                until=given.until or now,
                only_written=given.written,
                now=now,
            )
            print(f"{found} customers had rows in {given.table}")
        else:
            raise Invalid("Name an --organization, or a --table and --since.", code="scope_missing")
        print(f"{len(store.affected(tx, given.incident))} customers are affected")


def _draft(db: Database, installation: Installation, given: argparse.Namespace) -> None:
    head = letterhead_of(Settings(installation.environment))
    with db.across() as tx:
        for organization_id, mail in tell.drafts(tx, given.incident, head):
            print(f"-- to the owners of {organization_id}\n{mail.subject}\n\n{mail.text}")


def _notify(db: Database, _installation: Installation, given: argparse.Namespace) -> None:
    asked = tell.tell(db, system_clock, given.incident)
    print(f"{asked} customers are being told; `leadsrally incident show {given.incident}` says who was")


def _told(db: Database, _installation: Installation, given: argparse.Namespace) -> None:
    with db.across() as tx:
        if not store.told_by_a_person(tx, given.organization, given.incident, given.how, now=system_clock()):
            raise Invalid("This customer is not among the affected ones.", code="not_affected")


def _decide(db: Database, _installation: Installation, given: argparse.Namespace) -> None:
    with db.across() as tx:
        record.decide_not_to_notify(tx, given.incident, given.not_notified, now=system_clock())


def _close(db: Database, _installation: Installation, given: argparse.Namespace) -> None:
    with db.across() as tx:
        record.close(tx, given.incident, now=system_clock())


def _show(db: Database, _installation: Installation, given: argparse.Namespace) -> int:
    with db.across() as tx:
        found = record.known(tx, given.incident)
        customers = store.affected(tx, given.incident)
    print(f"{found.title}{' (drill)' if found.drill else ''}\ndetected {_time(found.detected_at)}")
    if found.confirmed_at is None:
        print("not confirmed: no clock runs")
    else:
        left = hours.deadline(found.confirmed_at) - system_clock()
        print(f"confirmed {_time(found.confirmed_at)}, {left.total_seconds() / 3600:.1f} of 72 hours left")
    if found.not_notified:
        print(f"nobody is told: {found.not_notified}")
    for customer in customers:
        told = f"told {_time(customer.told_at)}" if customer.told_at else "NOT TOLD"
        rows = ", ".join(f"{table} {count}" for table, count in sorted(customer.counts.items())) or "named"
        print(
            f"{customer.organization_id}  {told}  mails: {customer.taken} of {customer.owners} out,"
            f" {customer.delivered} delivered  {rows}"
        )
    untold = sum(customer.told_at is None for customer in customers)
    print(f"{len(customers)} customers affected, {untold} not told")
    return 1 if untold and not found.not_notified else 0


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_ACTS = {
    "list": _list,
    "record": _record,
    "describe": _describe,
    "confirm": _confirm,
    "scope": _scope,
    "draft": _draft,
    "notify": _notify,
    "told": _told,
    "decide": _decide,
    "close": _close,
    "show": _show,
}
