"""How a provider's webhook answers for the channel whose key is in its address."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, NoReturn, TypeVar

from leadsrally.kit import gateway
from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import SealBroken
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Forbidden, LeadsRallyError, NotFound, Unavailable
from leadsrally.kit.gateway import Request, Response
from leadsrally.messaging.answer_call import answer_call, call_of
from leadsrally.messaging.channels.directory import ChannelDirectory, OpenChannel
from leadsrally.messaging.receive import StaleChannelError
from leadsrally.messaging.store import Call
from leadsrally.telemetry import log

Credentials = TypeVar("Credentials")


@dataclass(frozen=True, slots=True)
class Webhook(Generic[Credentials]):
    """One provider's door. `accept` verifies the call, does its work, and returns what to answer.

    It may be called again for the same call, so its work must be harmless to repeat. It raises one of the
    house's errors for what it refuses, and `StaleChannelError` when the channel is out of date.
    """

    provider: str
    db: Database
    clock: Clock
    channels: ChannelDirectory[Credentials]
    surprised: Callable[[BaseException], None]
    accept: Callable[[Request, Call, OpenChannel[Credentials]], Response]


def answer_webhook(
    open_webhook: Callable[[], Webhook[Credentials]], event: gateway.Event, kind: str
) -> Response:
    """Find the channel whose key is in the address, and accept the call or refuse it. Never raises.

    `open_webhook` makes the door from its settings, and is refused too when these are wrong. `kind` is what
    the log calls the call. Without a database the answer is 503, so that the provider comes again.
    """
    try:
        webhook = open_webhook()
        request = gateway.read(event)
        call = call_of(request, webhook.provider, kind, webhook.clock())
        return _answer(webhook, request, call)
    except LeadsRallyError as error:
        log.warning("webhook.unanswered", code=error.code)
        return gateway.refuse(error)


def _answer(webhook: Webhook[Credentials], request: Request, call: Call) -> Response:
    try:
        found = webhook.channels.find(request.parameters["channel_key"])
    except SealBroken as broken:  # of this channel alone; the others go on
        return answer_call(webhook.db, webhook.surprised, call, None, partial(_fail, broken))
    channel = found.channel if found else None
    accept = partial(_accept_as_kept_or_as_stored, webhook, request, call, found)
    with log.bound(organization_id=channel.organization_id if channel else None):
        return answer_call(webhook.db, webhook.surprised, call, channel, accept)


def _fail(error: LeadsRallyError) -> NoReturn:
    raise error


def _accept_as_kept_or_as_stored(
    webhook: Webhook[Credentials], request: Request, call: Call, found: OpenChannel[Credentials] | None
) -> Response:
    """Try with the channel as it was kept; when that is out of date, once more with the one in the database."""
    try:
        return _accept_on_a_live_connection(webhook, request, call, found)
    except (StaleChannelError, Forbidden) as refused:
        fresh = webhook.channels.find_again(found.channel.key) if found else None
        same = found and fresh and fresh.channel.credentials_version == found.channel.credentials_version
        if isinstance(refused, Forbidden) and same:
            raise
        return _accept(webhook, request, call, fresh)


def _accept_on_a_live_connection(
    webhook: Webhook[Credentials], request: Request, call: Call, found: OpenChannel[Credentials] | None
) -> Response:
    """The kept connection may have died in our sleep. Receipts and ranks make a repeat harmless."""
    try:
        return _accept(webhook, request, call, found)
    except Unavailable:
        return _accept(webhook, request, call, found)


def _accept(
    webhook: Webhook[Credentials], request: Request, call: Call, found: OpenChannel[Credentials] | None
) -> Response:
    if found is None:
        raise NotFound("There is no such webhook address.", code="channel_unknown")
    return webhook.accept(request, call, found)
