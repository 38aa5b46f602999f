"""The Meta simulator: the Graph API for our client, signed webhooks for our doors, WhatsApp for people."""

from collections import Counter
from collections.abc import Iterable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from infra.simulators.meta import errors
from infra.simulators.meta.accounts import MetaApp
from infra.simulators.meta.graph import Graph
from infra.simulators.meta.handsets import Handsets, User
from infra.simulators.meta.inbound import Inbox
from infra.simulators.meta.leads import Leads
from infra.simulators.meta.media import Shelf
from infra.simulators.meta.sending import Sender
from infra.simulators.meta.stage import Misdirected, Stage, misdirected
from infra.simulators.meta.statuses import StatusDesk
from infra.simulators.meta.webhook import Delivery, WebhookCaller
from infra.simulators.recorder import Recorder


class MetaSimulator:
    """ASGI application. Its address takes the place of https://graph.facebook.com; media are downloaded from it too.

    `status_delay` is the pause before each status, `delivery` the webhook's patience, `reach` maps public addresses to
    where they are served, `base` is the simulator's own address, for the links of media in notifications. `apps`, and
    all that is in them, may be changed while it runs.
    """

    def __init__(
        self,
        apps: Iterable[MetaApp],
        people: Iterable[str | User] = (),
        *,
        status_delay: float = 0.05,
        delivery: Delivery | None = None,
        reach: Mapping[str, str] | None = None,
        base: str = "",
    ) -> None:
        self.apps = list(apps)
        self.handsets = Handsets(people)
        self.shelf = Shelf()
        self.caller = WebhookCaller(delivery, reach)
        self.statuses = StatusDesk(self.caller, status_delay)
        self.inbox = Inbox(self.handsets, self.shelf, self.caller, base)
        self.sender = Sender(self.handsets, self.shelf, self.statuses)
        self.leads = Leads(self.caller)
        graph = Graph(self.apps, self.sender, self.shelf, self.caller, self.leads)
        stage = Stage(
            self.apps, self.handsets, self.shelf, self.statuses, self.inbox, self.sender, self.leads
        )
        self._seen: Counter[int] = Counter()
        self.recorder = Recorder(
            Starlette(
                routes=[*stage.routes(), *graph.routes()],
                exception_handlers={errors.Refused: self._refused, Misdirected: misdirected},
            ),
            error_for=errors.error_for,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.recorder(scope, receive, send)

    async def _refused(self, _: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, errors.Refused)
        return refusal.response(self._seen)
