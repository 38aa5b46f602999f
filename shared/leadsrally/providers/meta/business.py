"""A customer's WhatsApp account or page at Meta: what the token may do, how things stand, and where news is sent.

https://developers.facebook.com/docs/graph-api/reference/debug_token,
https://developers.facebook.com/docs/graph-api/reference/app/subscriptions,
https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account,
https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Final, Self, TypeVar

from leadsrally.kit.errors import LeadsRallyError, Unavailable
from leadsrally.messaging.types import (
    Health,
    NewsOf,
    NumberState,
    ProviderRefused,
    Quality,
    Subscription,
    TokenState,
)
from leadsrally.providers.meta.credentials import MetaCredentials, MetaReplacement
from leadsrally.providers.meta.error_codes import explain
from leadsrally.providers.meta.graph import Graph, GraphFailure, Refusal
from leadsrally.providers.meta.reading import digits, identifier, instant, listing, mapping, text

T = TypeVar("T")

_OBJECTS: Final[Mapping[NewsOf, str]] = {"whatsapp": "whatsapp_business_account", "page": "page"}
_NUMBER_FIELDS: Final = "id,display_phone_number,quality_rating,status,name_status,health_status"
# Of the portfolio since 2026: https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits
_LIMIT_FIELD: Final = "whatsapp_business_manager_messaging_limit"
_QUALITIES: Final[Mapping[str, Quality]] = {"GREEN": "green", "YELLOW": "yellow", "RED": "red"}
# https://developers.facebook.com/documentation/business-messaging/whatsapp/support/health-status
_HEALTHS: Final[Mapping[str, Health]] = {
    "AVAILABLE": "available",
    "LIMITED": "limited",
    "BLOCKED": "blocked",
}
# Whether it was done cannot be told, or it would be done a little later.
_TRY_AGAIN: Final = frozenset({"unsure", "slow_channel", "slow_account", "slow_pair"})


class MetaBusinesses:
    """`leadsrally.messaging.types.BusinessProvider`. `base_url` replaces https://graph.facebook.com, for a simulator."""

    def __init__(self, base_url: str | None = None) -> None:
        self._base_url = base_url

    def access(self, document: bytes, app_id: str) -> "MetaAccess":
        return MetaAccess(MetaCredentials.from_json(document), app_id, base_url=self._base_url)

    def renewed(self, document: bytes, replacement: bytes, until: datetime, named: bytes) -> bytes | None:
        held, by = MetaCredentials.from_json(document), MetaReplacement.from_json(replacement)
        same_token = held.access_token == MetaCredentials.from_json(named).access_token
        by = MetaReplacement(
            by.app_secret,
            by.verify_token if document == named else None,
            by.access_token if same_token else None,
        )
        renewed = held.renewed(by, until)
        return None if renewed == held else renewed.to_json()


class MetaAccess:
    """`leadsrally.messaging.types.BusinessAccess` by way of the Graph API."""

    def __init__(self, credentials: MetaCredentials, app_id: str, *, base_url: str | None = None) -> None:
        self._credentials = credentials
        self._app_id = app_id
        self._graph = Graph(credentials, base_url=base_url)

    def __repr__(self) -> str:
        return f"MetaAccess({self._app_id})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._graph.close()
        if "_as_app" in vars(self):
            self._as_app.close()

    def app(self) -> None:
        _ask(lambda: self._as_app.get(self._app_id, fields="id"))

    def token(self) -> TokenState:
        # The token stands in the query: there is no other way to ask this. Nothing of ours logs what it calls.
        answer = _ask(lambda: self._as_app.get("debug_token", input_token=self._credentials.access_token))
        told = mapping(answer.get("data"))
        ends = [instant(told.get(name)) for name in ("expires_at", "data_access_expires_at")]
        return TokenState(
            valid=told.get("is_valid") is True,
            app_id=identifier(told.get("app_id")),
            scopes=frozenset(text(scope, 64) for scope in listing(told.get("scopes"))),
            # After the second of these the token is good for signing in and for nothing else.
            expires_at=min((end for end in ends if end is not None), default=None),
            page_id=identifier(told.get("profile_id")) or None if told.get("type") == "PAGE" else None,
        )

    def numbers(self, waba_id: str) -> frozenset[str]:
        listed = _ask(lambda: list(self._graph.listing(f"{waba_id}/phone_numbers", fields="id", limit=100)))
        return frozenset(identifier(number.get("id")) for number in listed)

    def number(self, phone_number_id: str) -> NumberState:
        told = _ask(lambda: self._graph.get(phone_number_id, fields=_NUMBER_FIELDS))
        health = mapping(told.get("health_status"))
        shown = "".join(
            character for character in text(told.get("display_phone_number"), 40) if character in "0123456789"
        )
        return NumberState(
            number=f"+{shown}" if shown else None,
            status=text(told.get("status"), 32),
            name_status=text(told.get("name_status"), 32),
            quality=_QUALITIES.get(text(told.get("quality_rating"), 16), "unknown"),
            health=_HEALTHS.get(text(health.get("can_send_message"), 16)),
            health_code=_first_error(health),
        )

    def messaging_limit(self, phone_number_id: str) -> str | None:
        told = _ask(lambda: self._graph.get(phone_number_id, fields=_LIMIT_FIELD))
        return text(told.get(_LIMIT_FIELD), 32) or None

    def page(self, page_id: str) -> None:
        _ask(lambda: self._graph.get(page_id, fields="id"))

    def forms(self, page_id: str) -> None:
        _ask(lambda: self._graph.get(f"{page_id}/leadgen_forms", fields="id", limit=1))

    def subscription(self, of: NewsOf) -> Subscription | None:
        listed = _ask(lambda: self._as_app.get(f"{self._app_id}/subscriptions"))
        for found in map(mapping, listing(listed.get("data"))):
            if found.get("object") == _OBJECTS[of]:
                return Subscription(
                    callback_url=text(found.get("callback_url"), 2048),
                    active=found.get("active") is True,
                    fields=frozenset(
                        text(mapping(field).get("name"), 64) for field in listing(found.get("fields"))
                    ),
                )
        return None

    def subscribed(self, node: str) -> frozenset[str] | None:
        listed = _ask(lambda: list(self._graph.listing(f"{node}/subscribed_apps")))
        for installed in map(mapping, listed):
            # An account's apps stand one level deeper than a page's.
            inner = mapping(installed.get("whatsapp_business_api_data"))
            if self._app_id in (identifier(installed.get("id")), identifier(inner.get("id"))):
                return frozenset(text(field, 64) for field in listing(installed.get("subscribed_fields")))
        return None

    def listen(self, of: NewsOf, callback_url: str, fields: frozenset[str]) -> None:
        order = {
            "object": _OBJECTS[of],
            "callback_url": callback_url,
            "verify_token": self._credentials.verify_token,
            "fields": ",".join(sorted(fields)),
        }
        _ask(lambda: self._as_app.post(f"{self._app_id}/subscriptions", order))

    def subscribe(self, node: str, fields: frozenset[str]) -> None:
        order = {"subscribed_fields": ",".join(sorted(fields))} if fields else {}
        _ask(lambda: self._graph.post(f"{node}/subscribed_apps", order))

    def unsubscribe(self, node: str) -> None:
        _ask(lambda: self._graph.delete(f"{node}/subscribed_apps"))

    @cached_property
    def _as_app(self) -> Graph:
        return self._graph.as_app(self._app_id)


def _ask(question: Callable[[], T]) -> T:
    try:
        return question()
    except GraphFailure as failure:
        raise _no_answer(failure) from None


def _no_answer(failure: GraphFailure) -> LeadsRallyError:
    wait = None
    if isinstance(failure, Refusal):
        wait = failure.wait
        if failure.code is not None and explain(str(failure.code)).effect not in _TRY_AGAIN:
            return ProviderRefused(str(failure.code))
        if failure.code is None and 400 <= failure.status < 500 and failure.status not in (408, 429):
            return ProviderRefused(f"http_{failure.status}")
    return Unavailable("Meta cannot be asked at the moment.", code="meta", retry_after=wait)


def _first_error(health: Mapping[str, object]) -> str | None:
    """The code of the first thing on the way to a recipient that is not well."""
    for entity in map(mapping, listing(health.get("entities"))):
        for error in map(mapping, listing(entity.get("errors"))):
            if digits(error.get("error_code")):
                return digits(error.get("error_code"))
    return None
