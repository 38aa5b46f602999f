"""One lead, from the word that there is one to its answers."""

from dataclasses import dataclass
from uuid import UUID

from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.errors import LeadsRallyError, Limited, Unavailable
from leadsrally.messaging.leads import form_store
from leadsrally.messaging.leads import store as lead_store
from leadsrally.messaging.leads.desk import LeadDesk, held_back, page_limited, token_refused
from leadsrally.messaging.leads.form_store import KnownForm
from leadsrally.messaging.leads.store import Wanted
from leadsrally.messaging.leads.take import is_test, take_lead
from leadsrally.messaging.leads.troubles import BROKEN, DISCONNECTED
from leadsrally.messaging.leads.types import Form, Lead, LeadSource, TokenRefused, Withheld
from leadsrally.telemetry import log


@dataclass(frozen=True, slots=True)
class _Found:
    """What the provider told; `form` only when we had no copy of it."""

    lead: Lead
    form: Form | None
    test: bool


def fetch_lead(desk: LeadDesk, job: Job) -> Result:
    """Ask for one lead with no transaction open, then make of it what it is, in one.

    Killed in between, it is asked for again and nothing is made twice. A page whose access is over or that is asked
    too often makes its leads wait, and no other page's. What is missing or withheld is marked as failed and tried
    again with growing pauses; after the last try the job is dead and the row says why. Raises `Unavailable`.
    """
    organization_id, lead_id = job.organization_id, UUID(job.payload["lead_id"])
    with desk.db.tenant(organization_id) as tx:
        wanted = lead_store.wanted(tx, organization_id, lead_id)
        form = wanted and form_store.by_provider_id(
            tx, organization_id, wanted.channel_id, wanted.provider_form_id
        )
        if wanted is not None and not wanted.connected:
            lead_store.failed(tx, organization_id, lead_id, DISCONNECTED, final=True)
    if wanted is None or not wanted.connected:
        return Done()
    wait = held_back(wanted.trouble, wanted.quiet_until, desk.clock())
    if wait is not None:
        return wait
    try:
        source = desk.source_of(organization_id, wanted.channel_id, wanted.credentials)
        found = _ask(source, wanted, form)
        return _take(desk, organization_id, wanted, found, form)
    except Exception as error:  # noqa: BLE001  raised again, once the row says why
        return _failed(desk, job, wanted, error)


def _ask(source: LeadSource, wanted: Wanted, form: KnownForm | None) -> _Found:
    lead = source.lead(wanted.provider_lead_id)
    told = None if form is not None and form.provider_form_id == lead.form_id else source.form(lead.form_id)
    # Only what came without an ad can be a test, and only then the form is asked.
    tests = source.test_leads(lead.form_id) if lead.organic else frozenset[str]()
    return _Found(lead, told, is_test(lead, tests))


def _take(
    desk: LeadDesk, organization_id: UUID, wanted: Wanted, found: _Found, form: KnownForm | None
) -> Result:
    now = desk.clock()
    with desk.db.tenant(organization_id) as tx:
        if found.form is not None:
            form = form_store.write(tx, organization_id, wanted.channel_id, found.form, now=now)
        if form is None:
            raise LookupError("the lead names no form")
        taken = take_lead(
            tx, desk.hashes, organization_id, wanted.lead_id, found.lead, form, test=found.test, now=now
        )
    log.info("lead.taken", lead_id=wanted.lead_id, state=taken and taken.state, test=found.test)
    return Done()


def _failed(desk: LeadDesk, job: Job, wanted: Wanted, error: Exception) -> Result:
    """Say in the row why, and when to come back. Raises what counts as a failed try."""
    if isinstance(error, Unavailable) and error.code in ("database", "pool_exhausted"):
        raise error
    organization_id, channel_id = job.organization_id, wanted.channel_id
    code = error.code if isinstance(error, LeadsRallyError) else BROKEN
    last = job.attempts >= job.max_attempts
    with desk.db.tenant(organization_id) as tx:
        final = last or isinstance(error, Withheld)
        lead_store.failed(tx, organization_id, wanted.lead_id, code, final=final)
        match error:
            case TokenRefused():
                return token_refused(tx, organization_id, channel_id, code, now=desk.clock())
            case Limited():
                return page_limited(tx, organization_id, channel_id, error, now=desk.clock())
            case _:
                pass
    log.info("lead.not_fetched", lead_id=wanted.lead_id, code=code, attempts=job.attempts)
    if isinstance(
        error, Withheld
    ):  # it may be there for another of the provider's servers, or be given later
        raise Unavailable("The lead is not there, or withheld.", code=code) from None
    raise error
