"""A customer's Twilio account: what state it is in, which numbers it has, and buying, pointing and releasing them.

https://www.twilio.com/docs/phone-numbers/api/availablephonenumberlocal-resource,
https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

# The SDK's resources are typed only in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

from leadsrally.kit.errors import LeadsRallyError, Misconfigured, Unavailable
from leadsrally.messaging.types import (
    AccountState,
    AvailableNumber,
    Bought,
    Doubtful,
    NotAsked,
    NotBought,
    NumberWanted,
    OwnedNumber,
    ProviderRefused,
    Purchase,
)
from leadsrally.providers.twilio.client import code_of, connect, retry_after
from leadsrally.providers.twilio.signature import TwilioCredentials

if TYPE_CHECKING:
    from twilio.rest import Client

    from leadsrally.providers.twilio.transport import Transport

T = TypeVar("T")
_GONE: Final = "20404"
_NO_ADDRESS_NEEDED: Final = "none"


class TwilioNumbers:
    """`leadsrally.messaging.types.NumberProvider`. `base_url` replaces https://api.twilio.com, for a simulator."""

    def __init__(self, base_url: str | None = None) -> None:
        self._base_url = base_url

    def account(self, document: bytes, account_sid: str) -> "TwilioAccount":
        return TwilioAccount(TwilioCredentials.from_json(document), account_sid, base_url=self._base_url)

    def renewed(self, document: bytes, replacement: bytes, until: datetime) -> bytes | None:
        token = TwilioCredentials.from_json(replacement).auth_tokens[0]
        renewed = TwilioCredentials.from_json(document).renewed(token, until)
        return None if renewed is None else renewed.to_json()


class TwilioAccount:
    """`leadsrally.messaging.types.NumberAccount` at Twilio. One connection for all calls of a `with`."""

    def __init__(
        self,
        credentials: TwilioCredentials,
        account_sid: str,
        *,
        base_url: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        """The parameters are those of `client.connect`. Raises `Misconfigured` when there is no token."""
        if not credentials.auth_tokens:
            raise Misconfigured("The channel has no Twilio auth token. Connect it again.")
        self._credentials = credentials
        self._account_sid = account_sid
        self._base_url = base_url
        self._timeout = timeout
        self._connected: tuple[Client, Transport] | None = None

    def __repr__(self) -> str:
        return f"TwilioAccount({self._account_sid})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connected is not None:
            self._connected[1].close()

    def state(self) -> AccountState:
        account = self._ask(lambda client: client.api.v2010.accounts(self._account_sid).fetch())
        return AccountState(active=_word(account.status) == "active", trial=_word(account.type) == "trial")

    def owned(self, number: str) -> OwnedNumber | None:
        # Twilio takes the number as a pattern and may list longer ones too.
        listed = self._ask(lambda client: list(client.incoming_phone_numbers.page(phone_number=number)))
        return next((_owned(found) for found in listed if found.phone_number == number), None)

    def search(self, wanted: NumberWanted, limit: int) -> tuple[AvailableNumber, ...]:
        listed = self._ask(
            lambda client: list(_market(client, wanted).page(**_filters(wanted), page_size=limit))
        )
        return tuple(_available(found) for found in listed[:limit])

    def buy(self, number: str) -> Purchase:
        client, transport = self._connect()
        try:
            client.incoming_phone_numbers.create(phone_number=number)
        except Exception as error:  # noqa: BLE001  after the order has left, every failure has a meaning
            return _purchase(error, transport)
        return Bought()

    def point(self, provider_id: str, inbound_url: str) -> OwnedNumber:
        return _owned(
            self._ask(
                # An application would stand before the address, so it is taken away. Reports on our messages go to
                # the address that each carries; the number's own status callback is for calls.
                lambda client: client.incoming_phone_numbers(provider_id).update(
                    sms_url=inbound_url, sms_method="POST", sms_application_sid=""
                )
            )
        )

    def release(self, provider_id: str) -> None:
        try:
            self._ask(lambda client: client.incoming_phone_numbers(provider_id).delete())
        except ProviderRefused as refused:
            if refused.code != _GONE:
                raise

    def _connect(self) -> "tuple[Client, Transport]":
        if self._connected is None:
            self._connected = connect(self._credentials, self._account_sid, self._base_url, self._timeout)
        return self._connected

    def _ask(self, question: "Callable[[Client], T]") -> T:
        client, transport = self._connect()
        try:
            return question(client)
        except Exception:  # noqa: BLE001  whatever it was, the question has no answer
            raise _no_answer(transport) from None


def _no_answer(transport: "Transport") -> LeadsRallyError:
    answer = transport.answer
    if answer is not None and 400 <= answer.status < 500 and answer.status not in (408, 429):
        return ProviderRefused(code_of(answer))
    wait = retry_after(answer.headers) if answer is not None else None
    return Unavailable("Twilio cannot be asked at the moment.", code="twilio", retry_after=wait)


def _purchase(error: Exception, transport: "Transport") -> Purchase:
    """What a failed order means; the rules are those of sending (`sender`)."""
    from leadsrally.providers.twilio.transport import never_left

    answer = transport.answer
    if answer is None:
        return NotAsked() if never_left(error) else Doubtful()
    if answer.status == 429:
        return NotAsked(retry_after(answer.headers))
    if 400 <= answer.status < 500 and answer.status != 408:
        return NotBought(code_of(answer))
    return Doubtful()


def _market(client: "Client", wanted: NumberWanted) -> Any:
    country = client.available_phone_numbers(wanted.country)
    return {"local": country.local, "mobile": country.mobile, "toll_free": country.toll_free}[wanted.kind]


def _filters(wanted: NumberWanted) -> dict[str, Any]:
    given = {"area_code": wanted.area_code, "contains": wanted.contains, "sms_enabled": True}
    return {name: value for name, value in given.items() if value is not None}


def _available(found: Any) -> AvailableNumber:
    may = _capabilities(found)
    return AvailableNumber(
        number=str(found.phone_number),
        locality=str(found.locality or ""),
        region=str(found.region or ""),
        mms=may("mms"),
        voice=may("voice"),
        address_required=found.address_requirements != _NO_ADDRESS_NEEDED,
    )


def _owned(found: Any) -> OwnedNumber:
    return OwnedNumber(
        provider_id=str(found.sid),
        number=str(found.phone_number),
        sms=_capabilities(found)("sms"),
        inbound_url=str(found.sms_url or ""),
        inbound_method=str(found.sms_method or "").upper(),
        application=str(found.sms_application_sid or ""),
    )


def _capabilities(found: Any) -> Callable[[str], bool]:
    """Available numbers write `SMS`, owned ones `sms`."""
    given = cast("dict[str, object]", found.capabilities if isinstance(found.capabilities, dict) else {})
    able = {name.lower() for name, able in given.items() if able is True}
    return able.__contains__


def _word(given: object) -> str:
    """A word of Twilio's, which the SDK gives as an enumeration or as text."""
    return str(getattr(given, "value", given)).lower()
