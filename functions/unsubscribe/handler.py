"""The unsubscribe link of a message. Looking changes nothing, a POST acts; no log-in, no cookie, no script."""

from typing import Any
from urllib.parse import parse_qs

from functions.unsubscribe import page
from leadsrally import runtime
from leadsrally.consent import unsubscribe, unsubscribe_link
from leadsrally.kit import gateway
from leadsrally.kit.errors import LeadsRallyError, NotFound
from leadsrally.kit.gateway import Event, Request, Response
from leadsrally.runtime import Runtime
from leadsrally.telemetry import log

_LONGEST_FORM = 4_096


def handler(event: Event, _context: Any) -> Response:
    """Show what stands, or change it. Mail programs post `List-Unsubscribe=One-Click` here (RFC 8058)."""
    door = runtime.of("unsubscribe")
    with log.bound(function=door.function, request_id=event["requestContext"]["requestId"]):
        request = gateway.read(event)
        accepted = request.headers.get("accept-language", "")
        try:
            return _answer(door, request, accepted)
        except NotFound:
            return page.unknown(page.language_of(accepted))
        except LeadsRallyError as error:
            log.warning("unsubscribe.unanswered", code=error.code)
            return page.unavailable(page.language_of(accepted))
        except Exception as error:  # noqa: BLE001  somebody wants to be left alone and must not be told of a stack
            door.surprised(error)
            return page.unavailable(page.language_of(accepted))


def _answer(door: Runtime, request: Request, accepted: str) -> Response:
    number = unsubscribe_link.read(
        door.settings.key("LEADSRALLY_LINK_KEY"), request.parameters.get("token", "")
    )
    with door.db.session() as session:
        link = unsubscribe_link.find(session, number)
    language = page.language_of(accepted, link.language)
    action = _action(request) if request.method == "POST" else None
    with door.db.tenant(link.organization_id) as tx:
        if action == "undo":
            unsubscribe.undo(tx, link, now=door.clock())
        elif action is not None:
            reach = "marketing" if action == "marketing" else "all"
            unsubscribe.stop(tx, link, reach, now=door.clock())
        found = unsubscribe.show(tx, link)
    log.info("unsubscribe.answered", action=action or "look", organization_id=link.organization_id)
    return page.shown(link, found, language, undone=action == "undo")


def _action(request: Request) -> str:
    """What the form says. Whatever else is posted, by a mail program or by nobody we know, means stop."""
    form = parse_qs(request.body[:_LONGEST_FORM].decode("utf-8", "replace"))
    asked = form.get("action", [""])[0]
    return asked if asked in ("marketing", "undo") else "stop"
