"""The Twilio simulator: REST for the SDK, signed webhooks for our doors, phones for people."""

from collections.abc import Iterable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from infra.simulators.recorder import Recorder
from infra.simulators.twilio import errors, media, rest
from infra.simulators.twilio.accounts import TwilioAccount
from infra.simulators.twilio.callbacks import CallbackDesk
from infra.simulators.twilio.handsets import Handsets
from infra.simulators.twilio.inbound import Inbox
from infra.simulators.twilio.messages import MessageBook
from infra.simulators.twilio.numbers import Numbers
from infra.simulators.twilio.sending import Sender
from infra.simulators.twilio.stage import Stage
from infra.simulators.twilio.webhook import Limits, WebhookCaller


class TwilioSimulator:
    """ASGI application. Give the SDK its address: `client.api.base_url = "http://127.0.0.1:8000/simulators/twilio"`.

    `callback_delay` is the pause before each status callback; `limits` the webhook's time-outs and retries;
    `reach` maps public addresses to where they are served (see WebhookCaller). `accounts`, and the numbers in
    them, may be changed while it runs.
    """

    def __init__(
        self,
        accounts: Iterable[TwilioAccount],
        phones: Iterable[str] = (),
        *,
        callback_delay: float = 0.05,
        limits: Limits | None = None,
        reach: Mapping[str, str] | None = None,
    ) -> None:
        self.accounts = {account.sid: account for account in accounts}
        self.book = MessageBook()
        self.handsets = Handsets(phones)
        self.shelf = media.Shelf()
        self.caller = WebhookCaller(limits, reach)
        self.callbacks = CallbackDesk(self.caller, callback_delay)
        self.inbox = Inbox(self.accounts, self.book, self.handsets, self.caller)
        sender = Sender(self.book, self.handsets, self.callbacks)
        stage = Stage(self.accounts, self.book, self.handsets, self.callbacks, self.inbox, self.shelf)
        self.recorder = Recorder(
            Starlette(
                routes=[
                    *rest.routes(self.accounts, self.book, sender, self._forget_files),
                    *media.routes(self.accounts, self.shelf),
                    *Numbers(self.accounts).routes(),
                    *stage.routes(),
                ],
                exception_handlers={errors.Refused: _refused, 404: _not_found, 405: _not_found},
            ),
            error_for=errors.error_for,
        )

    def _forget_files(self, account_sid: str, message_sid: str) -> None:
        for file in self.shelf.of_message(account_sid, message_sid):
            self.shelf.remove(file)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.recorder(scope, receive, send)


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, errors.Refused)
    response = refusal.response()
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return response


async def _not_found(request: Request, _: Exception) -> Response:
    return errors.Refused(20404, request.url.path).response()
