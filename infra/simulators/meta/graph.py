"""The Graph API over HTTP: one name space of nodes and edges, a version in front, a Bearer token.

https://developers.facebook.com/docs/graph-api/overview
"""

import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.simulators.meta.accounts import MetaApp, Waba, WhatsAppNumber
from infra.simulators.meta.calling import MANAGEMENT, MESSAGING, Caller, paged
from infra.simulators.meta.errors import Refused
from infra.simulators.meta.leads import Leads
from infra.simulators.meta.media import Shelf, uploaded
from infra.simulators.meta.sending import Sender
from infra.simulators.meta.webhook import WebhookCaller


class Graph:
    def __init__(
        self, apps: list[MetaApp], sender: Sender, shelf: Shelf, caller: WebhookCaller, leads: Leads
    ) -> None:
        self.apps = apps
        self.sender = sender
        self.shelf = shelf
        self.caller = caller
        self.leads = leads

    def routes(self) -> list[Route]:
        every = ["GET", "POST", "DELETE"]
        return [
            Route("/whatsapp_business/attachments/", self._download, methods=["GET"]),
            Route("/{version:str}/debug_token", self._debug_token, methods=["GET"]),
            Route("/{version:str}/{node:str}", self._node, methods=every),
            Route("/{version:str}/{node:str}/{edge:str}", self._edge, methods=every),
        ]

    # -- who asks -------------------------------------------------------------------------------------------

    async def _called(self, request: Request) -> tuple[Caller, dict[str, Any]]:
        """Who calls and with which parameters, from the query and the body."""
        given: dict[str, Any] = dict(request.query_params)
        kind = request.headers.get("content-type", "")
        if kind.startswith("application/json"):
            try:
                body = json.loads(await request.body() or b"{}")
            except ValueError:
                raise Refused(100, "The body is not JSON.") from None
            given |= body if isinstance(body, dict) else {}
        elif kind.startswith("application/x-www-form-urlencoded"):
            given |= dict(parse_qsl((await request.body()).decode()))
        return self._authenticated(request, given), given

    def _authenticated(self, request: Request, given: Mapping[str, Any]) -> Caller:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        value = value if scheme.lower() == "bearer" else str(given.get("access_token", ""))
        for app in self.apps:
            if value and hmac.compare_digest(value, app.own_token):
                return Caller(app, None)
            token = app.token(value)
            if token is not None:
                if not token.good:
                    raise Refused(190)
                proof = given.get("appsecret_proof")
                if proof is None and app.require_proof:
                    raise Refused(100, "API calls from the server require an appsecret_proof argument")
                if proof is not None and not hmac.compare_digest(str(proof), app.proof(value)):
                    raise Refused(100, "Invalid appsecret_proof provided in the API argument")
                return Caller(app, token)
        raise Refused(190)

    async def _debug_token(self, request: Request) -> Response:
        """https://developers.facebook.com/docs/graph-api/reference/debug_token"""
        caller, given = await self._called(request)
        asked = str(given.get("input_token", ""))
        token = caller.app.token(asked)
        if token is None:
            told: dict[str, Any] = {
                "error": {"code": 190, "message": "Malformed access token"},
                "is_valid": False,
                "scopes": [],
            }
            return JSONResponse({"data": told})
        targets = [waba.waba_id for waba in caller.app.wabas]
        told = {
            "app_id": caller.app.app_id,
            "type": "PAGE" if token.page_id else "SYSTEM_USER",
            "application": caller.app.name,
            "data_access_expires_at": token.data_access_expires_at,
            "expires_at": token.expires_at,
            "is_valid": token.good,
            "scopes": list(token.scopes) if token.good else [],
            "granular_scopes": [
                {"scope": scope, "target_ids": targets}
                for scope in token.scopes
                if scope in (MESSAGING, MANAGEMENT)
            ],
            "user_id": "122100000000000001",
        }
        if token.page_id:
            told["profile_id"] = token.page_id
        if not token.good:
            told["error"] = {"code": 190, "message": "The session is invalid.", "subcode": 463}
        return JSONResponse({"data": told})

    # -- nodes ----------------------------------------------------------------------------------------------

    async def _node(self, request: Request) -> Response:
        caller, given = await self._called(request)
        node = request.path_params["node"]
        told = self._whatsapp_node(caller, request, node, given)
        if told is None and node in (caller.app.app_id, "app", "me"):
            told = {"id": caller.app.app_id, "name": caller.app.name}
        if told is None:
            told = self.leads.node(caller, node, request.method, given)
        if told is None:
            raise _nothing_here(request.method, node)
        return JSONResponse(told)

    def _whatsapp_node(
        self, caller: Caller, request: Request, node: str, given: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        number, waba, media = (
            self._number(caller.app, node),
            self._waba(caller.app, node),
            self.shelf.get(node),
        )
        if number is not None:
            caller.needs(MANAGEMENT)
            return _chosen(_number_json(*number), given, "verified_name display_phone_number")
        if waba is not None:
            caller.needs(MANAGEMENT)
            return _chosen(_waba_json(waba), given, "name")
        if media is None:
            return None
        caller.needs(MESSAGING)
        if request.method == "DELETE":
            self.shelf.remove(node)
            return {"success": True}
        return media.as_json(_base(request))

    async def _edge(self, request: Request) -> Response:
        node, edge, method = request.path_params["node"], request.path_params["edge"], request.method
        if edge == "media" and method == "POST":
            return await self._upload(request, node)
        caller, given = await self._called(request)
        number, waba = self._number(caller.app, node), self._waba(caller.app, node)
        if number is not None and method == "POST":
            told = self._number_edge(caller, *number, edge, given)
        elif waba is not None:
            caller.needs(MANAGEMENT)
            told = self._waba_edge(caller.app, waba, edge, method, given)
        elif node == caller.app.app_id and edge == "subscriptions":
            told = await self._subscriptions(caller, method, given)
        elif (node, edge) == ("me", "permissions"):
            scopes = caller.token.scopes if caller.token else ()
            told = {"data": [{"permission": scope, "status": "granted"} for scope in scopes]}
        else:
            told = self.leads.edge(caller, node, edge, method, given)
        if told is None:
            raise _nothing_here(method, node)
        return JSONResponse(told)

    def _number_edge(
        self, caller: Caller, waba: Waba, number: WhatsAppNumber, edge: str, given: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        match edge:
            case "messages" | "marketing_messages":
                caller.needs(MESSAGING)
                return self.sender.accept(
                    caller.app, waba, number, given, marketing=edge == "marketing_messages"
                )
            case "register":
                caller.needs(MANAGEMENT)
                number.status = "CONNECTED"
                return {"success": True}
        return None

    def _waba_edge(
        self, app: MetaApp, waba: Waba, edge: str, method: str, given: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        match edge, method:
            case "message_templates", "GET":
                found = [
                    one
                    for one in waba.templates
                    if given.get("status") in (None, one.status) and given.get("name") in (None, one.name)
                ]
                return paged([one.as_json() for one in found], given)
            case "phone_numbers", "GET":
                return paged([_number_json(waba, one) for one in waba.numbers], given)
            case "subscribed_apps", "GET":
                link = {
                    "id": app.app_id,
                    "name": app.name,
                    "link": f"https://www.facebook.com/games/?app_id={app.app_id}",
                }
                told = [{"whatsapp_business_api_data": link}] if waba.subscribed else []
                return {"data": told}
            case "subscribed_apps", "POST":
                waba.subscribed = True
                return {"success": True}
            case "subscribed_apps", "DELETE":
                waba.subscribed = False
                return {"success": True}
        return None

    async def _subscriptions(self, caller: Caller, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the app's webhook listens to; asked by the app itself.

        https://developers.facebook.com/docs/graph-api/reference/app/subscriptions
        """
        app = caller.app
        if caller.token is not None:
            raise Refused(100, "This method must be called with an app access token.")
        if method == "POST":
            await self._subscribe(app, given)
            return {"success": True}
        kept = [
            ("whatsapp_business_account", app.callback_url, app.fields),
            ("page", app.page_callback_url, app.page_fields),
        ]
        told = [
            {
                "object": object_,
                "callback_url": url,
                "active": True,
                "fields": [{"name": name, "version": "v26.0"} for name in fields],
            }
            for object_, url, fields in kept
            if url
        ]
        return {"data": told}

    async def _subscribe(self, app: MetaApp, given: Mapping[str, Any]) -> None:
        """The address is kept once it has answered the challenge, in place of the one of the same object."""
        object_, fields = str(given.get("object", "")), tuple(str(given.get("fields", "")).split(","))
        url, word = str(given.get("callback_url", "")), str(given.get("verify_token", ""))
        if object_ not in ("whatsapp_business_account", "page"):
            raise Refused(100, f"object {object_} is not supported")
        if not await self.caller.challenge(url, word):
            raise Refused(100, "The callback URL or verify token couldn't be validated.")
        if object_ == "page":
            app.page_callback_url, app.page_verify_token, app.page_fields = url, word, fields
        else:
            app.callback_url, app.verify_token, app.fields = url, word, fields

    async def _upload(self, request: Request, node: str) -> Response:
        caller = self._authenticated(request, dict(request.query_params))
        caller.needs(MESSAGING)
        if self._number(caller.app, node) is None:
            raise Refused(100, f"Object with ID '{node}' does not exist")
        media = uploaded(request.headers.get("content-type", ""), await request.body())
        return JSONResponse({"id": self.shelf.put(media).id})

    async def _download(self, request: Request) -> Response:
        """The file itself, at another host in reality: the same token, and no API error but a bare status."""
        _, _, value = request.headers.get("authorization", "").partition(" ")
        token = next((token for app in self.apps if (token := app.token(value)) is not None), None)
        media = self.shelf.get(request.query_params.get("mid", ""))
        if token is None or not token.good:
            return Response(status_code=401)
        return (
            Response(status_code=404)
            if media is None
            else Response(media.content, media_type=media.content_type)
        )

    def _number(self, app: MetaApp, node: str) -> tuple[Waba, WhatsAppNumber] | None:
        for waba in app.wabas:
            number = waba.number(node)
            if number is not None:
                return waba, number
        return None

    def _waba(self, app: MetaApp, node: str) -> Waba | None:
        return next((waba for waba in app.wabas if waba.waba_id == node), None)


def _nothing_here(method: str, node: str) -> Refused:
    return Refused(100, f"Unsupported {method.lower()} request. Object with ID '{node}' does not exist", 33)


def _chosen(node: dict[str, Any], given: Mapping[str, Any], default: str) -> dict[str, Any]:
    wanted = str(given.get("fields", default.replace(" ", ","))).split(",")
    return {name: node[name] for name in node if name in (*wanted, "id")}


def _number_json(waba: Waba, number: WhatsAppNumber) -> dict[str, Any]:
    usable = number.status in ("CONNECTED", "FLAGGED", "RATE_LIMITED", "RESTRICTED")
    health = number.health or ("AVAILABLE" if usable else "BLOCKED")
    errors = [
        {"error_code": code, "error_description": "Simulated.", "possible_solution": "Simulated."}
        for code in number.health_errors
    ]
    return {
        "id": number.phone_number_id,
        "display_phone_number": number.display,
        "verified_name": number.verified_name,
        "quality_rating": number.quality_rating,
        "status": number.status,
        "code_verification_status": number.code_verification_status,
        "name_status": number.name_status,
        "platform_type": number.platform_type,
        "throughput": {"level": number.throughput},
        "whatsapp_business_manager_messaging_limit": number.messaging_limit,
        "account_mode": "LIVE",
        "health_status": {
            "can_send_message": health,
            "entities": [
                {
                    "entity_type": "PHONE_NUMBER",
                    "id": number.phone_number_id,
                    "can_send_message": health,
                    **({"errors": errors} if errors else {}),
                },
                {"entity_type": "WABA", "id": waba.waba_id, "can_send_message": "AVAILABLE"},
            ],
        },
    }


def _waba_json(waba: Waba) -> dict[str, Any]:
    return {
        "id": waba.waba_id,
        "name": waba.name,
        "currency": "USD",
        "timezone_id": "1",
        "message_template_namespace": "simulated_namespace",
        "health_status": {
            "can_send_message": "AVAILABLE",
            "entities": [{"entity_type": "WABA", "id": waba.waba_id, "can_send_message": "AVAILABLE"}],
        },
    }


def _base(request: Request) -> str:
    """Where the simulator itself is served, below whatever it is mounted at."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}"
