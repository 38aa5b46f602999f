"""What a task at a provider is done with, and the frame around each: read, do, finish whatever comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import Vault
from leadsrally.kit.db import Database
from leadsrally.kit.errors import OUR_FAULT, Conflict, LeadsRallyError, Unavailable
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.directory import task_context, twilio_context
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.types import BusinessProvider, NumberAccount, NumberProvider
from leadsrally.telemetry import log


@dataclass(frozen=True, slots=True)
class Workbench:
    """Where to store, how to open, whom to ask, and where the provider shall call us."""

    db: Database
    clock: Clock
    vault: Vault
    provider: NumberProvider
    businesses: BusinessProvider
    public_url: str

    def account_of(self, work: Work) -> NumberAccount:
        """The account the task uses. Raises `SealBroken`, and `Unavailable` when the key service is away."""
        return self.provider.account(self.credentials_of(work), work.account_sid)

    def credentials_of(self, work: Work) -> bytes:
        """The opened credentials of that account: the channel's, else those that the task brought."""
        organization_id = work.organization_id
        if work.channel_id is None:
            return self.vault.open(work.secret or b"", task_context(organization_id, work.task_id))
        channel = connected(work)
        return self.vault.open(channel.credentials, twilio_context(organization_id, channel.id))

    def inbound_url(self, key: str) -> str:
        """Where the provider shall send a number's texts."""
        return inbound_url(self.public_url, key)


@dataclass(frozen=True, slots=True)
class Connected:
    """The active channel that a task is about."""

    id: UUID
    key: str
    address: str
    credentials: bytes


def connected(work: Work) -> Connected:
    """Raises `Unfit` when the channel was disconnected since the task was written down."""
    id_, key, address, credentials = (
        work.channel_id,
        work.channel_key,
        work.channel_address,
        work.channel_credentials,
    )
    if work.channel_state != "active" or not (id_ and key and address and credentials):
        raise Unfit("channel_disconnected")
    return Connected(id_, key, address, credentials)


class Unfit(Conflict):
    """The task cannot be done as things are. `code` is a word of `troubles`."""

    def __init__(self, code: str) -> None:
        super().__init__("This cannot be done for the channel as it is.", code=code)


def inbound_url(public_url: str, key: str) -> str:
    """The address of a channel's webhook for inbound texts, exactly as its signatures cover it."""
    return f"{public_url}/webhooks/twilio/{key}/inbound"


def callback_url(public_url: str, key: str) -> str:
    """The address of a WhatsApp number's or a page's webhook, as it is entered at Meta."""
    return f"{public_url}/webhooks/meta/{key}"


Act = Callable[[Workbench, Work], Result]


def either(number: Act, business: Act) -> Act:
    """One thing to do for a number at Twilio, another for a WhatsApp number or a page."""

    def act(bench: Workbench, work: Work) -> Result:
        return (business if work.channel_kind in ("whatsapp", "lead_ads") else number)(bench, work)

    return act


def perform(bench: Workbench, job: Job, act: Act) -> Result:
    """Do one task. A no, or no answer, of the provider or the key service ends it and says so: a person waits.

    Raises `Unavailable` when Postgres is away, and what nobody expected; the job comes again then. With its last try
    the task has failed too.
    """
    organization_id, task_id = job.organization_id, UUID(job.payload["task_id"])
    with bench.db.tenant(organization_id) as tx:
        work = task_store.work(tx, organization_id, task_id)
    if work is None:
        return Done()
    try:
        return act(bench, work)
    except LeadsRallyError as error:
        if isinstance(error, Unavailable) and error.code in ("database", "pool_exhausted"):
            raise
        fail(bench, work, error.code)
        if error.kind in OUR_FAULT:
            raise  # somebody has to look at it
        return Done()
    except Exception:
        if job.attempts >= job.max_attempts:
            fail(bench, work, "broken")
        raise


def fail(bench: Workbench, work: Work, why: str) -> None:
    """End the task with its reason, a word of ours or a code of the provider's."""
    with bench.db.tenant(work.organization_id) as tx:
        task_store.finish(tx, work, failure=why, now=bench.clock())
    log.info("channel_task.failed", task_id=work.task_id, kind=work.kind, code=why)
