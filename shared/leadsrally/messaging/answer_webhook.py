"""How every provider's webhook answers: 2xx only for what is committed, and a row in the log for each call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from leadsrally.kit import gateway
from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import SealBroken
from leadsrally.kit.db import Database
from leadsrally.kit.errors import (
    HTTP_STATUS,
    OUR_FAULT,
    Forbidden,
    LeadsRallyError,
    Misconfigured,
    NotFound,
    Unavailable,
)
from leadsrally.kit.gateway import Request, Response
from leadsrally.kit.ids import new_id
from leadsrally.messaging import store
from leadsrally.messaging.channels import ChannelDirectory, OpenChannel
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
        call = _call(webhook, request, kind)
        try:
            found = webhook.channels.find(request.parameters["channel_key"])
        except SealBroken as broken:  # of this channel alone; the others go on
            webhook.surprised(broken)
            return _refuse(webhook, call, None, broken)
        with log.bound(organization_id=found.channel.organization_id if found else None):
            return _answer(webhook, request, call, found)
    except LeadsRallyError as error:
        log.warning("webhook.unanswered", code=error.code)
        return gateway.refuse(error)


def _call(webhook: Webhook[Credentials], request: Request, kind: str) -> Call:
    now = webhook.clock()
    return Call(
        id=new_id(now),
        at=now,
        provider=webhook.provider,
        kind=kind,
        source_ip=request.source_ip,
        bytes=len(request.body),
        request_id=request.id,
    )


def _answer(
    webhook: Webhook[Credentials], request: Request, call: Call, found: OpenChannel[Credentials] | None
) -> Response:
    try:
        return _accept_as_kept_or_as_stored(webhook, request, call, found)
    except LeadsRallyError as error:
        if error.kind in OUR_FAULT:
            webhook.surprised(error)
        return _refuse(webhook, call, found, error)
    except Exception as error:  # noqa: BLE001  the provider gets a 5xx, and the log its row
        webhook.surprised(error)
        broken = Misconfigured("Something broke on our side. Try again later.", code="broken")
        return _refuse(webhook, call, found, broken)


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


def _refuse(
    webhook: Webhook[Credentials],
    call: Call,
    found: OpenChannel[Credentials] | None,
    error: LeadsRallyError,
) -> Response:
    try:
        _log_refusal(webhook, call, found, error)
    except LeadsRallyError:
        raise
    except Exception as unlogged:  # noqa: BLE001  the caller is answered all the same
        webhook.surprised(unlogged)
    log.info("webhook.refused", code=error.code)
    return gateway.refuse(error)


def _log_refusal(
    webhook: Webhook[Credentials],
    call: Call,
    found: OpenChannel[Credentials] | None,
    error: LeadsRallyError,
) -> None:
    opened = webhook.db.tenant(found.channel.organization_id) if found else webhook.db.across()
    with opened as tx:
        store.log_call(
            tx,
            call,
            found.channel if found else None,
            outcome="refused",
            reason=error.code,
            http_status=HTTP_STATUS[error.kind],
        )
