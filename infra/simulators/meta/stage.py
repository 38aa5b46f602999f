"""Stage directions: what a test or the phone page tells the simulator, below `_sim/`.

GET    _sim/phones                        {phones, numbers, templates, forms}
POST   _sim/phones                        {number, wa_id?, user_id?, name?, hides_number?}; DELETE empties them all
POST   _sim/phones/{number}/message       {to, type, …}: writes, taps, reacts, edits … (see inbound.py)
POST   _sim/phones/{number}/batch         {to, shape, items: [{from, …}]}: several in one delivery
POST   _sim/phones/{number}/preference    {to, value: stop|resume, ago?}: marketing, in WhatsApp's own menu
POST   _sim/phones/{number}/block         {to, blocked}: no word of it to us
POST   _sim/phones/{number}/read          {to}: looks at everything that has come
POST   _sim/phones/{number}/renumber      {to, number}: moves to another number
GET    _sim/media/{id}                    the file, for the page
POST   _sim/templates                     {waba_id, name, language, status?, category?, quality?, silent?}
POST   _sim/accounts                      {app_id?, app?, token?, waba?, page?, number?, silent?}: what Meta has (see _alter)
POST   _sim/notify                        {app_id?, document|raw, secret?}: any body, genuinely signed
POST   _sim/leads                         {form_id, answers, …}: somebody fills in a form
GET    _sim/statuses                      the statuses told, oldest first; POST orders (see StatusOrder); DELETE
GET    _sim/deliveries                    every notification with what our webhook answered
"""

import base64
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.simulators.faults import BadOrder
from infra.simulators.meta.accounts import Lead, MetaApp, Template, Waba, owner_of_form, owner_of_number
from infra.simulators.meta.handsets import Handsets, User
from infra.simulators.meta.inbound import Inbox, Owner
from infra.simulators.meta.leads import Leads
from infra.simulators.meta.media import Shelf
from infra.simulators.meta.sending import Sender
from infra.simulators.meta.statuses import StatusDesk


class Misdirected(Exception):
    """A stage direction that cannot be followed; the sentence says why."""


class Stage:
    def __init__(
        self,
        apps: list[MetaApp],
        handsets: Handsets,
        shelf: Shelf,
        desk: StatusDesk,
        inbox: Inbox,
        sender: Sender,
        leads: Leads,
    ) -> None:
        self.apps = apps
        self.handsets = handsets
        self.shelf = shelf
        self.desk = desk
        self.inbox = inbox
        self.sender = sender
        self.leads = leads

    def routes(self) -> list[Route]:
        phone = "/_sim/phones/{number}"
        return [
            Route("/_sim/phones", self._show, methods=["GET"]),
            Route("/_sim/phones", self._add, methods=["POST"]),
            Route("/_sim/phones", self._empty, methods=["DELETE"]),
            Route(f"{phone}/message", self._message, methods=["POST"]),
            Route(f"{phone}/batch", self._batch, methods=["POST"]),
            Route(f"{phone}/preference", self._preference, methods=["POST"]),
            Route(f"{phone}/block", self._block, methods=["POST"]),
            Route(f"{phone}/read", self._read, methods=["POST"]),
            Route(f"{phone}/renumber", self._renumber, methods=["POST"]),
            Route("/_sim/media/{id}", self._media, methods=["GET"]),
            Route("/_sim/templates", self._template, methods=["POST"]),
            Route("/_sim/accounts", self._alter, methods=["POST"]),
            Route("/_sim/notify", self._notify, methods=["POST"]),
            Route("/_sim/leads", self._lead, methods=["POST"]),
            Route("/_sim/statuses", self._statuses, methods=["GET", "POST", "DELETE"]),
            Route("/_sim/deliveries", self._deliveries, methods=["GET", "DELETE"]),
        ]

    # -- phones -----------------------------------------------------------------------------------------------

    async def _show(self, _: Request) -> Response:
        return JSONResponse(
            {
                "phones": [user.as_json() for user in self.handsets.all()],
                "numbers": [
                    {
                        "phone_number_id": number.phone_number_id,
                        "number": number.number,
                        "name": number.verified_name,
                        "waba_id": waba.waba_id,
                        "quality": number.quality_rating,
                    }
                    for _, waba in self._wabas()
                    for number in waba.numbers
                ],
                "templates": [
                    {"waba_id": waba.waba_id, **one.as_json()}
                    for _, waba in self._wabas()
                    for one in waba.templates
                ],
                "forms": [
                    {
                        "form_id": form.form_id,
                        "name": form.name,
                        "page": page.name,
                        "questions": form.questions,
                    }
                    | {"disclaimer": form.disclaimer}
                    for app in self.apps
                    for page in app.pages
                    for form in page.forms
                ],
            }
        )

    async def _add(self, request: Request) -> Response:
        order = await _json(request)
        number = order.get("number")
        if not isinstance(number, str) or not number:
            raise Misdirected("Say which number the new phone has.")
        kept = {name: order[name] for name in ("wa_id", "user_id", "name", "hides_number") if name in order}
        return JSONResponse(self.handsets.add(User(_plus(number), **kept)).as_json(), 201)

    async def _empty(self, _: Request) -> Response:
        self.handsets.clear()
        return Response(status_code=204)

    async def _message(self, request: Request) -> Response:
        order = await _json(request)
        user, owner = self._user(request), self._owner(order)
        try:
            told = await self.inbox.receive(user, owner, order)
        except (KeyError, TypeError, ValueError) as problem:
            raise Misdirected(f"Not an order for a message: {type(problem).__name__} {problem}") from None
        return JSONResponse(told)

    async def _batch(self, request: Request) -> Response:
        order = await _json(request)
        acts = [(self.handsets.of(_plus(str(item["from"]))), item) for item in order.get("items") or ()]
        told = await self.inbox.receive_many(acts, self._owner(order), order.get("shape", "messages"))
        return JSONResponse(told)

    async def _preference(self, request: Request) -> Response:
        order = await _json(request)
        if order.get("value") not in ("stop", "resume"):
            raise Misdirected("`value` is stop or resume.")
        ago = float(order.get("ago", 0))
        answer = await self.inbox.prefer(self._user(request), self._owner(order), order["value"], ago=ago)
        return JSONResponse(answer.as_json())

    async def _block(self, request: Request) -> Response:
        order = await _json(request)
        user, (_, _, number) = self._user(request), self._owner(order)
        (user.blocked.add if order.get("blocked", True) else user.blocked.discard)(number.phone_number_id)
        return JSONResponse(user.as_json())

    async def _read(self, request: Request) -> Response:
        order = await _json(request)
        user, (app, waba, number) = self._user(request), self._owner(order)
        waiting = [one for one in user.bubbles if one.direction == "to_phone" and one.status == "delivered"]
        for bubble in waiting:
            sent = self.sender.sent.get(bubble.id)
            if sent is not None and sent.number is number:
                await self.desk.read(app, waba, sent)
        return JSONResponse(user.as_json())

    async def _renumber(self, request: Request) -> Response:
        order = await _json(request)
        answer = await self.inbox.renumber(
            self._user(request), self._owner(order), _plus(str(order["number"]))
        )
        return JSONResponse(answer.as_json())

    async def _media(self, request: Request) -> Response:
        media = self.shelf.get(request.path_params["id"])
        if media is None:
            return Response(status_code=404)
        return Response(media.content, media_type=media.content_type)

    # -- the provider's own doing -----------------------------------------------------------------------------

    async def _template(self, request: Request) -> Response:
        """https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/message_template_status_update"""
        order = await _json(request)
        app, waba, template = self._of_template(order)
        told: list[dict[str, Any]] = []
        about = {
            "message_template_id": int(template.id),
            "message_template_name": template.name,
            "message_template_language": template.language,
        }
        if "status" in order:
            template.status = order["status"]
            template.rejected_reason = order.get("reason", "NONE")
            event = {"event": template.status, "reason": template.rejected_reason, **about}
            told.append({"field": "message_template_status_update", "value": event})
        if "category" in order:
            event = {**about, "previous_category": template.category, "new_category": order["category"]}
            template.category = order["category"]
            told.append({"field": "template_category_update", "value": event})
        if "quality" in order:
            event = {
                **about,
                "previous_quality_score": template.quality,
                "new_quality_score": order["quality"],
            }
            template.quality = order["quality"]
            told.append({"field": "message_template_quality_update", "value": event})
        answers = [
            (await self.inbox.announce(app, waba, one["value"], one["field"])).as_json()
            for one in told
            if not order.get("silent")
        ]
        return JSONResponse({"template": template.as_json(), "answers": answers})

    async def _alter(self, request: Request) -> Response:
        """Something is set otherwise at Meta: attributes of an app, and of the first thing of each kind that it has.

        `{"token": {"expires_at": 1, "scopes": ["leads_retrieval"]}}`, `{"waba": {"subscribed": false}}`,
        `{"number": {"quality_rating": "RED"}}`. A number that falls or rises in quality is told of, unless `silent`.
        """
        order = await _json(request)
        app = self._app(order)
        wabas, pages = app.wabas, app.pages
        things: dict[str, Any] = {
            "app": app,
            "token": next(iter(app.tokens), None),
            "waba": next(iter(wabas), None),
            "page": next(iter(pages), None),
            "number": next((number for waba in wabas for number in waba.numbers), None),
        }
        for name in things.keys() & order.keys():
            for attribute, value in dict(order[name]).items():
                if not hasattr(things[name], attribute):
                    raise Misdirected(f"A {name} has no {attribute}.")
                setattr(things[name], attribute, tuple(value) if isinstance(value, list) else value)
        number = things["number"]
        if "number" not in order or order.get("silent"):
            return JSONResponse({"answer": None})
        event = {
            "display_phone_number": number.number.removeprefix("+"),
            "event": "UNFLAGGED" if number.quality_rating == "GREEN" else "FLAGGED",
            "current_limit": number.messaging_limit,
        }
        answer = await self.inbox.announce(app, wabas[0], event, "phone_number_quality_update")
        return JSONResponse({"answer": answer.as_json()})

    async def _notify(self, request: Request) -> Response:
        order = await _json(request)
        app = self._app(order)
        body = base64.b64decode(order["raw"]) if "raw" in order else None
        secret, retry = order.get("secret"), bool(order.get("retry", False))
        caller = self.inbox.caller
        if body is not None:
            answer = await caller.tell_raw(app, body, secret=secret, retry=retry)
        else:
            answer = await caller.tell(app, order.get("document"), secret=secret, retry=retry)
        return JSONResponse(answer.as_json())

    async def _lead(self, request: Request) -> Response:
        order = await _json(request)
        owner = owner_of_form(self.apps, str(order.get("form_id", "")))
        if owner is None:
            raise Misdirected("There is no such form here.")
        app, page, form = owner
        lead = Lead(
            form.form_id,
            {
                name: value if isinstance(value, list) else [str(value)]
                for name, value in order["answers"].items()
            },
            organic=bool(order.get("organic", False)),
            test=bool(order.get("test", False)),
            extra=dict(order.get("extra") or {}),
        )
        lead.created -= int(order.get("ago", 0))
        lead.id = str(order.get("lead_id") or lead.id)
        return JSONResponse(await self.leads.submit(app, page, form, lead, order))

    async def _statuses(self, request: Request) -> Response:
        match request.method:
            case "GET":
                return JSONResponse(list(self.desk.history))
            case "DELETE":
                self.desk.clear()
                return Response(status_code=204)
        try:
            return JSONResponse({"open": self.desk.orders.add(json.loads(await request.body()))})
        except (BadOrder, TypeError, ValueError) as problem:
            raise Misdirected(str(problem)) from None

    async def _deliveries(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.inbox.caller.history.clear()
            return Response(status_code=204)
        return JSONResponse(list(self.inbox.caller.history))

    # -- who is meant -----------------------------------------------------------------------------------------

    def _user(self, request: Request) -> User:
        return self.handsets.of(_plus(request.path_params["number"]))

    def _owner(self, order: dict[str, Any]) -> Owner:
        """The number that `to` names, by its id or as dialled; the only one there is when it names none."""
        to = str(order.get("to") or "")
        every = [(app, waba, number) for app, waba in self._wabas() for number in waba.numbers]
        if not to and len(every) == 1:
            return every[0]
        found = owner_of_number(self.apps, to)
        if found is None:
            found = next((one for one in every if one[2].number == _plus(to)), None)
        if found is None:
            raise Misdirected("No account here has that number.")
        return found

    def _app(self, order: dict[str, Any]) -> MetaApp:
        """The app that `app_id` names; the first one when it names none."""
        app = next((one for one in self.apps if order.get("app_id") in (None, one.app_id)), None)
        if app is None:
            raise Misdirected("There is no such app here.")
        return app

    def _wabas(self) -> list[tuple[MetaApp, Waba]]:
        return [(app, waba) for app in self.apps for waba in app.wabas]

    def _of_template(self, order: dict[str, Any]) -> tuple[MetaApp, Waba, Template]:
        for app, waba in self._wabas():
            if order.get("waba_id") in (None, waba.waba_id):
                found = waba.template(str(order.get("name")), str(order.get("language", "en_US")))
                if found is not None:
                    return app, waba, found
        raise Misdirected("There is no such template here.")


async def misdirected(_: Request, problem: Exception) -> Response:
    return JSONResponse({"problem": str(problem)}, 400)


async def _json(request: Request) -> dict[str, Any]:
    try:
        order = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return order if isinstance(order, dict) else {}


def _plus(number: str) -> str:
    return number if number.startswith("+") else f"+{number}"
