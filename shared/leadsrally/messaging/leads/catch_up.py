"""Read forms from end to end: all there is when a page is connected, and what nobody told us of, every hour."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Kind, LeadsRallyError, Limited, Unavailable
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels.in_trouble import channel_out_of_trouble
from leadsrally.messaging.leads import form_store
from leadsrally.messaging.leads import store as lead_store
from leadsrally.messaging.leads.desk import LeadDesk, page_limited, token_refused
from leadsrally.messaging.leads.form_store import KnownForm, UnderWay
from leadsrally.messaging.leads.receive import hash_of
from leadsrally.messaging.leads.take import is_test, take_lead
from leadsrally.messaging.leads.troubles import RATE_LIMITED
from leadsrally.messaging.leads.types import Lead, LeadSource, Reading, TokenRefused, Withheld
from leadsrally.telemetry import log

QUEUE: Final = "lead_catch_up"
BACKFILL: Final = "lead_backfill"
# As far back as the provider keeps leads: providers.md of the house says 90 days, its own pages do not.
KEPT_FOR: Final = timedelta(days=90)
# A lead may be listed later than it was left, and whoever wrote the time had another clock.
OVERLAP: Final = timedelta(hours=6)
_PAGES: Final = 5  # of a hundred leads each, in one go: then others have their turn
# Not rung for: a worker rings for its own queue only, and the tick finds the job within a minute.
UNRUNG: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page that is connected."""

    channel_id: UUID
    page_id: str
    credentials: bytes
    quiet_until: datetime | None
    trouble: str | None
    connected_at: datetime


_PAGE = """
SELECT id AS channel_id, page_id, credentials, quiet_until, trouble, created_at AS connected_at
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND kind = 'lead_ads'
   AND state = 'active'
"""


def ask_for_backfill(
    tx: Tx, organization_id: UUID, channel_id: UUID, *, now: datetime, delay: timedelta = timedelta(0)
) -> UUID:
    """Have all forms of a page read, 90 days back; asking twice is asking once. For who connects one."""
    return _ask_for(tx, organization_id, channel_id, BACKFILL, now=now, delay=delay)


def ask_for_sync(tx: Tx, organization_id: UUID, channel_id: UUID, *, now: datetime) -> UUID:
    """Have new and changed forms looked for now, and read what they have that we have not."""
    return _ask_for(tx, organization_id, channel_id, "catch_up", now=now, delay=timedelta(0))


def _ask_for(
    tx: Tx, organization_id: UUID, channel_id: UUID, kind: str, *, now: datetime, delay: timedelta
) -> UUID:
    return enqueue(
        tx,
        organization_id,
        QUEUE,
        kind,
        {"channel_id": str(channel_id)},
        now=now,
        delay=delay,
        unique_key=f"{kind}:{channel_id}",
    )


_EVERY_PAGE = """
SELECT organization_id, channel_id
  FROM lead_pages()
"""


@dataclass(frozen=True, slots=True)
class _Place:
    organization_id: UUID
    channel_id: UUID


def ask_for_every_page(desk: LeadDesk) -> int:
    """Once an hour: a catching-up of every connected page of all tenants; returns how many."""
    with desk.db.across() as tx:
        places = tx.all(_Place, _EVERY_PAGE, {})
    for place in places:
        with desk.db.tenant(place.organization_id) as tx:
            ask_for_sync(tx, place.organization_id, place.channel_id, now=desk.clock())
    return len(places)


def read_page(desk: LeadDesk, job: Job, reading: Reading) -> Result:
    """Bring our copies of a page's forms up to date, then begin to read each, with a job for each.

    A backfill reads 90 days, a catching-up from the last complete reading on with an overlap; a form that was never
    read is read as in a backfill. A page that can be asked again is out of trouble. Raises `Unavailable`.
    """
    organization_id, channel_id = job.organization_id, UUID(job.payload["channel_id"])

    def read(page: _Page, source: LeadSource) -> Result:
        forms = source.forms(page.page_id)
        now = desk.clock()
        with desk.db.tenant(organization_id) as tx:
            for form in forms:
                form_store.write(tx, organization_id, channel_id, form, now=now)
            form_store.mark_gone(tx, organization_id, channel_id, [form.id for form in forms])
            earliest = now - KEPT_FOR
            due = form_store.begin(
                tx, organization_id, channel_id, reading, earliest=earliest, overlap=OVERLAP, now=now
            )
            for form_id in due:
                _ask_for_form(tx, organization_id, form_id, now=now)
            if page.trouble is not None:
                channel_out_of_trouble(tx, organization_id, channel_id)
        log.info("lead_forms.synced", channel_id=channel_id, count=len(forms), kind=reading)
        return Done()

    return _with_page(desk, organization_id, channel_id, read)


def _ask_for_form(tx: Tx, organization_id: UUID, form_id: UUID, *, now: datetime) -> None:
    payload = {"form_id": str(form_id)}
    enqueue(tx, organization_id, QUEUE, "read_form", payload, now=now, unique_key=f"read_form:{form_id}")


def read_form(desk: LeadDesk, job: Job) -> Result:
    """Go on with the reading of one form, some pages at a time, newest leads first.

    Each lead has a row before the cursor moves past it, and the time up to which the form counts as read moves only
    when the whole reading has come to its end. Raises `Unavailable`.
    """
    organization_id, form_id = job.organization_id, UUID(job.payload["form_id"])
    with desk.db.tenant(organization_id) as tx:
        form = form_store.by_id(tx, organization_id, form_id)
        at = form_store.reading(tx, organization_id, form_id)
    if form is None or at is None:
        return Done()

    def read(page: _Page, source: LeadSource) -> Result:
        try:
            return _read_on(desk, organization_id, form, at, page, source)
        except Withheld as withheld:  # of this form; or its cursor has grown old
            with desk.db.tenant(organization_id) as tx:
                form_store.read_again(tx, organization_id, form_id, at)
            raise Unavailable("The form's leads cannot be read.", code=withheld.code) from None

    return _with_page(desk, organization_id, form.channel_id, read)


def _read_on(
    desk: LeadDesk, organization_id: UUID, form: KnownForm, at: UnderWay, page: _Page, source: LeadSource
) -> Result:
    after = at.after
    for _ in range(_PAGES):
        read = source.leads(form.provider_form_id, at.since, after)
        organic = any(lead.organic for lead in read.leads)
        tests = source.test_leads(form.provider_form_id) if organic else frozenset[str]()
        for lead in read.leads:
            _take_listed(desk, organization_id, form, at, page, lead, tests)
        after = read.after
        with desk.db.tenant(organization_id) as tx:
            form_store.read_up_to(tx, organization_id, form.id, at, after)
        if after is None:
            log.info("lead_form.read", form_id=form.id, kind=at.reading)
            return Done()
    return Later(timedelta(0), "more_pages")


def _take_listed(
    desk: LeadDesk,
    organization_id: UUID,
    form: KnownForm,
    at: UnderWay,
    page: _Page,
    lead: Lead,
    tests: frozenset[str],
) -> None:
    """Take one lead of a list. One that breaks something gets a row and a job of its own, and holds up no other."""
    now = desk.clock()
    try:
        with desk.db.tenant(organization_id) as tx:
            noted = _note(tx, desk, organization_id, at, page, lead, now)
            if noted is not None and noted.state not in ("fetched", "refused_age", "refused_erased"):
                test = is_test(lead, tests)
                take_lead(tx, desk.hashes, organization_id, noted.id, lead, form, test=test, now=now)
    except Exception as error:
        if isinstance(error, LeadsRallyError) and error.kind is Kind.UNAVAILABLE:
            raise
        desk.surprise(error)
        with desk.db.tenant(organization_id) as tx:
            noted = _note(tx, desk, organization_id, at, page, lead, now)
            if noted is not None:
                ask_for_lead(tx, organization_id, noted.id, now=now, delay=UNRUNG)


def _note(
    tx: Tx, desk: LeadDesk, organization_id: UUID, at: UnderWay, page: _Page, lead: Lead, now: datetime
) -> lead_store.Noted | None:
    return lead_store.note(
        tx,
        organization_id,
        lead,
        lead_hash=hash_of(desk.hashes, organization_id, lead.id),
        lead_id=new_id(now),
        channel_id=page.channel_id,
        page_id=page.page_id,
        found_by=at.reading,
        backfilled=at.reading == "backfill" or (lead.submitted_at or now) < page.connected_at,
        now=now,
    )


def ask_for_lead(
    tx: Tx, organization_id: UUID, lead_id: UUID, *, now: datetime, delay: timedelta = timedelta(0)
) -> UUID:
    """Have one lead fetched that has a row."""
    return enqueue(
        tx,
        organization_id,
        "fetch_lead",
        "fetch",
        {"lead_id": str(lead_id)},
        now=now,
        delay=delay,
        unique_key=f"lead:{lead_id}",
        max_attempts=lead_store.TRIES,
    )


def _with_page(
    desk: LeadDesk, organization_id: UUID, channel_id: UUID, read: Callable[[_Page, LeadSource], Result]
) -> Result:
    """Do it for a page that is connected and may be asked, and note when the provider says no to all of it."""
    with desk.db.tenant(organization_id) as tx:
        page = tx.maybe(_Page, _PAGE, {"organization_id": organization_id, "channel_id": channel_id})
    if page is None:
        return Done()
    now = desk.clock()
    if page.quiet_until is not None and page.quiet_until > now:
        return Later(page.quiet_until - now, RATE_LIMITED)
    try:
        return read(page, desk.source_of(organization_id, channel_id, page.credentials))
    except Limited as limited:
        with desk.db.tenant(organization_id) as tx:
            return page_limited(tx, organization_id, channel_id, limited, now=desk.clock())
    except (TokenRefused, Withheld) as refused:
        # Begun readings stay begun; the hourly catching-up asks for them again.
        with desk.db.tenant(organization_id) as tx:
            token_refused(tx, organization_id, channel_id, refused.code, now=desk.clock())
        log.warning("leads.refused", channel_id=channel_id, code=refused.code)
        return Done()
