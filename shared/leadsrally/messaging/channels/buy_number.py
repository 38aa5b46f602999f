"""Buy a number, at most once: claim, commit, call, record; what got no answer is looked up, never ordered again."""

from datetime import timedelta
from typing import Final

from leadsrally.accounts import audit
from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Later, Result
from leadsrally.kit.errors import LeadsRallyError, Unavailable
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.ask_provider import QUEUE, ask_provider
from leadsrally.messaging.channels.connect_twilio import new_key
from leadsrally.messaging.channels.directory import twilio_context
from leadsrally.messaging.channels.store import Place
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Unfit, Workbench, fail
from leadsrally.messaging.types import Bought, Doubtful, NotAsked, NotBought
from leadsrally.telemetry import log

FIND: Final = "find_purchase"
_LOOK_AFTER: Final = timedelta(seconds=10)
_LOOK_AGAIN: Final = timedelta(minutes=1)
_SURELY_LISTED: Final = timedelta(minutes=15)  # an order that was taken shows by then
_GIVE_UP: Final = timedelta(days=1)
_LOOKS: Final = 40  # tries that fail for other reasons than the provider's silence


def buy_number(bench: Workbench, work: Work) -> Result:
    """Order the number once and make a channel of it.

    There is no idempotency key at Twilio. A crash or a broken answer after the order leaves the task `unknown`, to be
    resolved by `find_purchase`.
    """
    if work.state != "waiting":  # an earlier worker ordered, or was about to, and never came back
        _look_up_later(bench, work)
        return Done()
    number = _number(work)
    with bench.account_of(work) as account:
        if account.owned(number) is not None:
            _refuse_unless_ordered(bench, work)
            return Done()
        with bench.db.tenant(work.organization_id) as tx:
            if not task_store.move(tx, work, "waiting", "calling", called_at=bench.clock()):
                return Done()
        purchase = account.buy(number)
    match purchase:
        case Bought():
            _adopt_or_look_up_later(bench, work)
        case NotBought(code):
            fail(bench, work, code)
        case NotAsked():
            fail(bench, work, "not_ordered")
        case Doubtful():
            _look_up_later(bench, work)
    return Done()


def _refuse_unless_ordered(bench: Workbench, work: Work) -> None:
    """The account has the number before we ordered it: unless a second worker with this task ordered it this moment."""
    with bench.db.tenant(work.organization_id) as tx:
        if not task_store.move(tx, work, "waiting", "calling"):
            return
        task_store.finish(tx, work, failure="already_owned", now=bench.clock())
    log.info("channel_task.failed", task_id=work.task_id, kind=work.kind, code="already_owned")


def _adopt_or_look_up_later(bench: Workbench, work: Work) -> None:
    """What was bought must not be called a failure because its credentials cannot be sealed just now."""
    try:
        _adopt(bench, work)
    except LeadsRallyError:
        _look_up_later(bench, work)


def _look_up_later(bench: Workbench, work: Work) -> None:
    now = bench.clock()
    with bench.db.tenant(work.organization_id) as tx:
        if task_store.move(tx, work, "calling", "unknown"):
            enqueue(
                tx,
                work.organization_id,
                QUEUE,
                FIND,
                {"task_id": str(work.task_id)},
                now=now,
                delay=_LOOK_AFTER,
                unique_key=f"find_purchase:{work.task_id}",
                max_attempts=_LOOKS,
            )


def find_purchase(bench: Workbench, work: Work) -> Result:
    """Find out whether an order without an answer was taken: the account has the number, or after a while it has not.

    Orders nothing. When the provider cannot be asked for a day, a person is told to look.
    """
    if work.state != "unknown" or work.called_at is None:
        return Done()
    waited = bench.clock() - work.called_at
    try:
        with bench.account_of(work) as account:
            owned = account.owned(_number(work))
        if owned is not None:
            _adopt(bench, work)
            log.info("number.found", task_id=work.task_id)
            return Done()
    except Unavailable:
        if waited < _GIVE_UP:
            return Later(_LOOK_AGAIN, "provider_away")
        raise Unfit("fate_unknown") from None
    except LeadsRallyError:  # the token was replaced, the key is gone: we shall not be told
        raise Unfit("fate_unknown") from None
    if waited < _SURELY_LISTED:
        return Later(_LOOK_AGAIN, "not_found_yet")
    raise Unfit("not_bought")


def _number(work: Work) -> str:
    if work.number is None:
        raise Unfit("broken")  # no task to buy is written without one
    return work.number


def _adopt(bench: Workbench, work: Work) -> None:
    """Make a channel of the number, with the account's credentials sealed for it, and have it pointed at us."""
    organization_id, address = work.organization_id, _number(work)
    document, now = bench.credentials_of(work), bench.clock()
    with bench.db.tenant(organization_id) as tx:
        place = channel_store.sms_place(tx, organization_id, address)
    channel_id = place.id if place else new_id(now)
    sealed = bench.vault.seal(document, twilio_context(organization_id, channel_id))
    with bench.db.tenant(organization_id) as tx:
        channel_store.connect_sms(
            tx,
            organization_id,
            channel_id,
            key=new_key(),
            address=address,
            account_sid=work.account_sid,
            credentials=sealed,
            name="",
            now=now,
        )
        # Not made when somebody has connected it meanwhile: then it is that channel.
        place = channel_store.sms_place(tx, organization_id, address) or Place(channel_id, "active")
        if task_store.finish(tx, work, result={"channel_id": str(place.id)}, now=now):
            target = ("channel", place.id)
            audit.record(tx, organization_id, work.actor, "number.bought", now=now, target=target)
            ask_provider(tx, organization_id, "configure", place.id, actor=work.actor, now=now)
