"""What everyone may read: the privacy policy, what the checks of its clauses found, and who the subprocessors are.

Each as a page for people and, asked for with `.json` or `Accept: application/json`, as data for programs.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from functions.policy import answers, pages
from functions.policy.facts import Facts, gather
from leadsrally import runtime
from leadsrally.kit import gateway
from leadsrally.kit.errors import LeadsRallyError, NotFound
from leadsrally.kit.gateway import Event, Request, Response
from leadsrally.telemetry import log

_PAGES: Final[Mapping[str, tuple[Callable[[Facts], str], Callable[[Facts], Any]]]] = {
    "/policy": (pages.policy, answers.policy),
    "/policy/status": (pages.status, answers.status),
    "/policy/versions": (pages.policy, answers.policy),
    "/subprocessors": (pages.subprocessors, answers.subprocessors),
}


def handler(event: Event, _context: Any) -> Response:
    """One page. The same for everybody, so it may be kept for a minute."""
    door = runtime.of("policy")
    with log.bound(function=door.function, request_id=event["requestContext"]["requestId"]):
        request = gateway.read(event)
        try:
            return _answer(request, gather(door, request.parameters.get("dated")))
        except NotFound as missing:
            return gateway.refuse(missing)
        except LeadsRallyError as error:
            log.warning("policy.unanswered", code=error.code)
            return pages.unavailable()
        except Exception as error:  # noqa: BLE001  a stack is nothing that a reader could use
            door.surprised(error)
            return pages.unavailable()


def _answer(request: Request, facts: Facts) -> Response:
    path = request.path.rstrip("/")
    name = path.removesuffix(".json")
    if "dated" in request.parameters:
        name = "/policy/versions"
    page, answer = _PAGES[name]
    if path.endswith(".json") or _wants_json(request.headers.get("accept", "")):
        return answers.json_of(answer(facts))
    return pages.html_of(page(facts))


def _wants_json(accepted: str) -> bool:
    """Only who names it and no page: browsers accept anything."""
    kinds = {part.partition(";")[0].strip().lower() for part in accepted[:500].split(",")}
    return "application/json" in kinds and not {"text/html", "application/xhtml+xml"} & kinds
