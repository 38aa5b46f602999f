"""Searching, buying, changing and releasing numbers.

https://www.twilio.com/docs/phone-numbers/api/availablephonenumberlocal-resource
https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.simulators.twilio.accounts import TwilioAccount, TwilioNumber
from infra.simulators.twilio.errors import Refused
from infra.simulators.twilio.forms import Form, form_of
from infra.simulators.twilio.messages import API_VERSION, now, rfc2822
from infra.simulators.twilio.rest import BASE, authenticated, whole

# Numbers in ranges reserved for fiction: 555-0100 to 555-0199 in North America
# (https://www.nanpa.com/numbering/555-line-numbers), and Ofcom's drama numbers in the United Kingdom.
_REGIONS = {
    ("US", "212"): ("New York", "NY"),
    ("US", "305"): ("Miami", "FL"),
    ("US", "312"): ("Chicago", "IL"),
    ("US", "415"): ("San Francisco", "CA"),
    ("US", "512"): ("Austin", "TX"),
    ("CA", "416"): ("Toronto", "ON"),
    ("CA", "604"): ("Vancouver", "BC"),
}
_TOLL_FREE = ("800", "888")
_PER_AREA = 100

# Letters stand for the digits of a telephone's keys.
_KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")

_PLAIN_FIELDS = {
    "SmsUrl": "sms_url",
    "SmsMethod": "sms_method",
    "SmsFallbackUrl": "sms_fallback_url",
    "SmsApplicationSid": "application_sid",
    "FriendlyName": "friendly_name",
}


def inventory(country: str, kind: str) -> list[tuple[str, str, str]]:
    """Every number of a kind that could ever be bought: number, locality, region."""
    match country, kind:
        case (("US" | "CA"), "Local"):
            return [
                (f"+1{area}55501{last:02d}", locality, region)
                for (home, area), (locality, region) in _REGIONS.items()
                if home == country
                for last in range(_PER_AREA)
            ]
        case (("US" | "CA"), "TollFree"):
            return [(f"+1{area}55501{last:02d}", "", "") for area in _TOLL_FREE for last in range(_PER_AREA)]
        case "GB", "Mobile":
            return [(f"+447700900{last:03d}", "", "") for last in range(1000)]
        case "GB", "Local":
            return [(f"+442079460{last:03d}", "London", "") for last in range(1000)]
    return []


class Numbers:
    """The routes; what is owned lives in the accounts themselves."""

    def __init__(self, accounts: Mapping[str, TwilioAccount]) -> None:
        self.accounts = accounts

    def routes(self) -> list[Route]:
        return [
            Route(f"{BASE}/AvailablePhoneNumbers/{{country}}/{{kind}}.json", self._search, methods=["GET"]),
            Route(f"{BASE}/IncomingPhoneNumbers.json", self._buy, methods=["POST"]),
            Route(f"{BASE}/IncomingPhoneNumbers.json", self._list, methods=["GET"]),
            Route(f"{BASE}/IncomingPhoneNumbers/{{sid}}.json", self._one, methods=["GET", "POST", "DELETE"]),
        ]

    def _taken(self, number: str) -> bool:
        return any(account.number(number) for account in self.accounts.values())

    async def _search(self, request: Request) -> Response:
        account = authenticated(self.accounts, request)
        country, kind = request.path_params["country"], request.path_params["kind"]
        known = inventory(country, kind)
        if not known:
            raise Refused(20404, request.url.path)
        if not re.fullmatch(r"\+?[0-9A-Za-z*]*", request.query_params.get("Contains", "")):
            raise Refused(20001, "Contains is not a pattern.")
        size = whole(request.query_params.get("PageSize", "50"))
        free = [
            _available(number, locality, region, country)
            for number, locality, region in known
            if not self._taken(number) and _fits(request.query_params, number, locality, region)
        ]
        uri = f"/{API_VERSION}/Accounts/{account.sid}/AvailablePhoneNumbers/{country}/{kind}.json"
        return JSONResponse({"available_phone_numbers": free[:size], "uri": uri})

    async def _buy(self, request: Request) -> Response:
        account = authenticated(self.accounts, request)
        form = await form_of(request)
        number = TwilioNumber(_chosen(form, self._taken))
        _update(number, form)
        if not account.test_credentials:
            account.numbers.append(number)
        return JSONResponse(_owned(number, account), 201)

    async def _list(self, request: Request) -> Response:
        account = authenticated(self.accounts, request)
        wanted = request.query_params.get("PhoneNumber")
        # A pattern, as at the provider: longer numbers are listed too.
        numbers = [_owned(n, account) for n in account.numbers if wanted is None or wanted in n.number]
        uri = f"/{API_VERSION}/Accounts/{account.sid}/IncomingPhoneNumbers.json"
        return JSONResponse(
            {
                "incoming_phone_numbers": numbers,
                "page": 0,
                "page_size": max(len(numbers), 50),
                "start": 0,
                "end": max(len(numbers) - 1, 0),
                "uri": uri,
                "first_page_uri": uri,
                "next_page_uri": None,
                "previous_page_uri": None,
            }
        )

    async def _one(self, request: Request) -> Response:
        account = authenticated(self.accounts, request)
        number = account.number_by_sid(request.path_params["sid"])
        if number is None:
            raise Refused(20404, request.url.path)
        if request.method == "DELETE":
            account.numbers.remove(number)
            for service in account.messaging_services:
                service.numbers = [other for other in service.numbers if other != number.number]
            return Response(status_code=204)
        if request.method == "POST":
            _update(number, await form_of(request))
        return JSONResponse(_owned(number, account))


def _fits(query: Mapping[str, str], number: str, locality: str, region: str) -> bool:
    digits = number.lstrip("+")
    area = digits[1:4] if digits.startswith("1") else ""
    pattern = query.get("Contains", "").lstrip("+").upper().translate(_KEYPAD).replace("*", "[0-9]")
    return (
        query.get("AreaCode", area) == area
        and query.get("InRegion", region) == region
        and query.get("InLocality", locality) == locality
        and re.search(pattern, digits) is not None
    )


def _chosen(form: Form, taken: Callable[[str], bool]) -> str:
    everything = [
        number
        for country in ("US", "CA", "GB")
        for kind in ("Local", "TollFree", "Mobile")
        for number, _, _ in inventory(country, kind)
    ]
    asked, area = form.text("PhoneNumber"), form.text("AreaCode")
    if asked:
        if not asked.startswith("+"):
            raise Refused(21421, asked)
        if asked not in everything or taken(asked):
            raise Refused(21422, asked)
        return asked
    for number in everything:
        if area and number.startswith(f"+1{area}") and not taken(number):
            return number
    raise Refused(21452, area)


def _update(number: TwilioNumber, form: Form) -> None:
    for name, attribute in _PLAIN_FIELDS.items():
        value = form.one(name)
        if value is not None:
            setattr(number, attribute, value)


def _national(number: str) -> str:
    digits = number.removeprefix("+1")
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if number.startswith("+1") else number


def _available(number: str, locality: str, region: str, country: str) -> dict[str, Any]:
    return {
        "friendly_name": _national(number),
        "phone_number": number,
        "lata": None,
        "locality": locality or None,
        "rate_center": locality.upper() or None,
        "latitude": None,
        "longitude": None,
        "region": region or None,
        "postal_code": None,
        "iso_country": country,
        "address_requirements": "none",
        "beta": False,
        "capabilities": {"voice": True, "SMS": True, "MMS": country != "GB"},
    }


def _owned(number: TwilioNumber, account: TwilioAccount) -> dict[str, Any]:
    return {
        "account_sid": account.sid,
        "address_requirements": "none",
        "address_sid": None,
        "api_version": API_VERSION,
        "beta": False,
        "bundle_sid": None,
        "capabilities": {"voice": True, "sms": number.sms, "mms": number.sms, "fax": False},
        "date_created": rfc2822(now()),
        "date_updated": rfc2822(now()),
        "friendly_name": number.friendly_name,
        "identity_sid": None,
        "origin": "twilio",
        "phone_number": number.number,
        "sid": number.sid,
        "sms_application_sid": number.application_sid,
        "sms_fallback_method": "POST",
        "sms_fallback_url": number.sms_fallback_url,
        "sms_method": number.sms_method,
        "sms_url": number.sms_url,
        "status": "in-use",
        "status_callback": "",
        "status_callback_method": "POST",
        "trunk_sid": None,
        "uri": f"/{API_VERSION}/Accounts/{account.sid}/IncomingPhoneNumbers/{number.sid}.json",
        "voice_url": "",
    }
