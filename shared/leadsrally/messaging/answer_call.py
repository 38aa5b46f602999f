"""How every webhook answers: 2xx only for what is committed, and a row in the log for each call (P1.5)."""

from collections.abc import Callable
from datetime import datetime

from leadsrally.kit import gateway
from leadsrally.kit.db import Database
from leadsrally.kit.errors import HTTP_STATUS, OUR_FAULT, LeadsRallyError, Misconfigured
from leadsrally.kit.gateway import Request, Response
from leadsrally.kit.ids import new_id
from leadsrally.messaging import store
from leadsrally.messaging.store import Call
from leadsrally.messaging.types import Channel
from leadsrally.telemetry import log


def call_of(request: Request, provider: str, kind: str, at: datetime) -> Call:
    """What the log keeps of a request."""
    return Call(
        id=new_id(at),
        at=at,
        provider=provider,
        kind=kind,
        source_ip=request.source_ip,
        bytes=len(request.body),
        request_id=request.id,
    )


def answer_call(
    db: Database,
    surprised: Callable[[BaseException], None],
    call: Call,
    channel: Channel | None,
    accept: Callable[[], Response],
) -> Response:
    """What `accept` answers after its commit; an error is refused, and leaves its row in the log.

    Raises only what keeps the row from being written: `Unavailable`.
    """
    try:
        return accept()
    except LeadsRallyError as error:
        if error.kind in OUR_FAULT:
            surprised(error)
        refusal = error
    except Exception as error:  # noqa: BLE001  the provider gets a 5xx, and the log its row
        surprised(error)
        refusal = Misconfigured("Something broke on our side. Try again later.", code="broken")
    try:
        _log_refusal(db, call, channel, refusal)
    except LeadsRallyError:
        raise
    except Exception as unlogged:  # noqa: BLE001  the caller is answered all the same
        surprised(unlogged)
    log.info("webhook.refused", code=refusal.code)
    return gateway.refuse(refusal)


def _log_refusal(db: Database, call: Call, channel: Channel | None, error: LeadsRallyError) -> None:
    with db.tenant(channel.organization_id) if channel else db.across() as tx:
        store.log_call(
            tx, call, channel, outcome="refused", reason=error.code, http_status=HTTP_STATUS[error.kind]
        )
