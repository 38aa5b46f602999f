"""The checklist of a WhatsApp number and of a page, line by line, against the simulated Meta."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from infra.simulators.meta import MetaApp, MetaSimulator
from infra.simulators.running import Running
from leadsrally.kit.errors import Unavailable
from leadsrally.messaging.channels.check_meta import WHATSAPP_FIELDS, look
from leadsrally.messaging.channels.checklist import LEAD_SCOPES, WHATSAPP_SCOPES, Check, first_failure
from leadsrally.messaging.channels.meta_store import Business, Hook, Standing
from leadsrally.messaging.channels.troubles import TROUBLES
from leadsrally.providers.meta.business import MetaBusinesses
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.error_codes import UNKNOWN, explain
from tests.graphboard import APP_ID, APP_SECRET, NUMBER_ID, PAGE_ID, TOKEN, WABA_ID, business
from tests.simulators.doors import Stand

NOW = datetime.now(UTC).replace(microsecond=0)
URL = "https://hooks.example.test/webhooks/meta/key"
NUMBER = Business(
    UUID(int=1), UUID(int=2), "key", "whatsapp", "active", APP_ID, WABA_ID, NUMBER_ID, None, b"", 1
)
PAGE = replace(NUMBER, kind="lead_ads", waba_id=None, phone_number_id=None, page_id=PAGE_ID)


@dataclass
class Meta:
    """What Meta has, all well, and a test of it."""

    simulator: MetaSimulator
    base_url: str
    app: MetaApp
    secret: str = APP_SECRET
    hook: Hook = Hook("key", NOW)  # noqa: RUF009  frozen

    def look(self, channel: Business, now: datetime = NOW) -> tuple[list[Check], Standing]:
        document = MetaCredentials((self.secret,), "word", TOKEN).to_json()
        with MetaBusinesses(self.base_url).access(document, channel.app_id or "") as access:
            return look(access, channel, [(URL, self.hook)], now=now)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Stand, str]]:
    stand = Stand()
    with Running(stand) as running:
        yield stand, running.base_url


@pytest.fixture
def meta(server: tuple[Stand, str]) -> Meta:
    stand, base_url = server
    app = business()
    app.callback_url = app.page_callback_url = URL
    app.wabas[0].subscribed, app.pages[0].subscribed_fields = True, ("leadgen",)
    simulator = stand.app = MetaSimulator([app])
    return Meta(simulator, base_url, app)


def lines(checks: list[Check]) -> dict[str, tuple[str, str | None]]:
    return {check.check: (check.state, check.reason) for check in checks}


@pytest.mark.parametrize("channel", [NUMBER, PAGE], ids=["number", "page"])
def test_all_well(meta: Meta, channel: Business):
    checks, standing = meta.look(channel)
    assert {check.state for check in checks} == {"passed"}
    assert first_failure(checks) is None
    assert (standing.token_known, standing.token_expires_at) == (True, None)
    found = {check.check: check.found for check in checks}
    assert found["token"] == "never"
    assert [entry["method"] for entry in meta.simulator.recorder.log() if entry["method"] != "GET"] == []


def test_a_number_stands_as_meta_says(meta: Meta):
    _, standing = meta.look(NUMBER)
    assert standing == Standing(True, None, "+15005550020", "available", "green", "APPROVED", "TIER_2K")


def scopes(*given: str) -> Callable[[Meta], None]:
    def order(meta: Meta) -> None:
        meta.app.tokens[0].scopes = given

    return order


def setting(path: str, value: object) -> Callable[[Meta], None]:
    """`app.wabas.0.subscribed` and the like."""

    def order(meta: Meta) -> None:
        thing: object = meta
        *way, last = path.split(".")
        for step in way:
            thing = thing[int(step)] if step.isdigit() else getattr(thing, step)  # pyright: ignore[reportIndexIssue]
        setattr(thing, last, value)

    return order


def in_seconds(seconds: float) -> int:
    return int(time.time() + seconds)


_TOKEN, _WABA, _NUMBER, _PAGE = "app.tokens.0", "app.wabas.0", "app.wabas.0.numbers.0", "app.pages.0"
_SKIPS = dict.fromkeys(
    (*WHATSAPP_SCOPES, "account", "number", "registration", "sending", "display_name", "quality"),
    ("skipped", None),
) | dict.fromkeys(("callback", "fields", "subscribed", "challenge"), ("skipped", None))

CASES: list[tuple[str, Business, Callable[[Meta], None], dict[str, tuple[str, str | None]]]] = [
    ("another app secret", NUMBER, setting("secret", "x" * 32),
     {"app": ("failed", "app_refused"), "token": ("skipped", None), **_SKIPS}),
    ("a token that was taken back", NUMBER, setting(f"{_TOKEN}.revoked", True),
     {"token": ("failed", "190"), **_SKIPS}),
    ("a token past its end", NUMBER, setting(f"{_TOKEN}.expires_at", in_seconds(-60)),
     {"token": ("failed", "190"), **_SKIPS}),
    ("a token that ends in thirteen days", NUMBER, setting(f"{_TOKEN}.expires_at", in_seconds(13 * 86_400)),
     {"token": ("advice", "token_expires_soon")}),
    ("a token whose access to data ends", PAGE,
     setting(f"{_TOKEN}.data_access_expires_at", in_seconds(2 * 86_400)),
     {"token": ("advice", "token_expires_soon")}),
    ("a token of another page", PAGE, setting(f"{_TOKEN}.page_id", "150000000000009"),
     {"token": ("failed", "token_of_other_page"), "page": ("skipped", None), "forms": ("skipped", None)}),
    ("no management", NUMBER, scopes("whatsapp_business_messaging"),
     {"whatsapp_business_management": ("failed", "scope_missing"), "account": ("failed", "200"),
      "number": ("failed", "200"), "registration": ("skipped", None), "subscribed": ("failed", "200")}),
    ("no messaging", NUMBER, scopes("whatsapp_business_management"),
     {"whatsapp_business_messaging": ("failed", "scope_missing")}),
    *((f"no {scope}", PAGE, scopes(*(other for other in LEAD_SCOPES if other != scope)),
       {scope: ("failed", "scope_missing")}) for scope in LEAD_SCOPES),
    ("an account that is not there", NUMBER, setting(f"{_WABA}.waba_id", "999999999999999"),
     {"account": ("failed", "account_not_found"), "number": ("skipped", None),
      "subscribed": ("failed", "not_subscribed")}),
    ("a number that is not there", NUMBER, setting(f"{_NUMBER}.phone_number_id", "999999999999999"),
     {"number": ("failed", "number_not_in_account"), "registration": ("skipped", None),
      "quality": ("skipped", None)}),
    ("a number that is not registered", NUMBER, setting(f"{_NUMBER}.status", "PENDING"),
     {"registration": ("failed", "not_registered"), "sending": ("failed", "sending_blocked")}),
    ("a number that was flagged", NUMBER, setting(f"{_NUMBER}.status", "FLAGGED"),
     {"registration": ("advice", "number_restricted")}),
    ("a number that may send in part", NUMBER, setting(f"{_NUMBER}.health", "LIMITED"),
     {"sending": ("advice", "sending_limited")}),
    ("a number that may send nothing", NUMBER, setting(f"{_NUMBER}.health", "BLOCKED"),
     {"sending": ("failed", "sending_blocked")}),
    ("a name that was declined", NUMBER, setting(f"{_NUMBER}.name_status", "DECLINED"),
     {"display_name": ("advice", "name_not_approved")}),
    ("a low quality", NUMBER, setting(f"{_NUMBER}.quality_rating", "YELLOW"),
     {"quality": ("advice", "quality_low")}),
    ("the lowest quality", NUMBER, setting(f"{_NUMBER}.quality_rating", "RED"),
     {"quality": ("advice", "quality_low")}),
    ("a quality that nobody knows yet", NUMBER, setting(f"{_NUMBER}.quality_rating", "UNKNOWN"), {}),
    ("a page that is not there", PAGE, setting(f"{_PAGE}.page_id", "999999999999999"),
     {"page": ("failed", "page_not_found"), "forms": ("failed", "forms_withheld"),
      "subscribed": ("failed", "not_subscribed")}),
    ("news sent to nobody", NUMBER, setting("app.callback_url", ""),
     {"callback": ("failed", "callback_missing"), "fields": ("skipped", None)}),
    ("news sent elsewhere", NUMBER, setting("app.callback_url", "https://elsewhere.example.test/"),
     {"callback": ("failed", "callback_elsewhere"), "fields": ("skipped", None)}),
    ("leads sent elsewhere", PAGE, setting("app.page_callback_url", "https://elsewhere.example.test/"),
     {"callback": ("failed", "callback_elsewhere"), "fields": ("skipped", None)}),
    ("news that is left out", NUMBER, setting("app.fields", tuple(WHATSAPP_FIELDS - {"account_update"})),
     {"fields": ("failed", "fields_missing")}),
    ("leads that are left out", PAGE, setting("app.page_fields", ("feed",)),
     {"fields": ("failed", "fields_missing")}),
    ("an account without the app", NUMBER, setting(f"{_WABA}.subscribed", False),
     {"subscribed": ("failed", "not_subscribed")}),
    ("a page without the app", PAGE, setting(f"{_PAGE}.subscribed_fields", ()),
     {"subscribed": ("failed", "not_subscribed")}),
    ("a page with the app for something else", PAGE, setting(f"{_PAGE}.subscribed_fields", ("feed",)),
     {"subscribed": ("failed", "not_subscribed")}),
    ("an address that nobody made sure of", NUMBER, setting("hook", Hook("key", None)),
     {"challenge": ("failed", "not_challenged")}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "order", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_wrong_fails_its_own_line_and_says_what_to_do(
    meta: Meta,
    channel: Business,
    order: Callable[[Meta], None],
    expected: dict[str, tuple[str, str | None]],
):
    well = lines(meta.look(channel)[0])
    order(meta)
    checks, _ = meta.look(channel)
    found = lines(checks)
    assert list(found) == list(well), "every line is there, in its order"
    differ = {name: seen for name, seen in found.items() if seen != well[name]}
    assert {name: seen for name, seen in differ.items() if name in expected} == expected
    follows = {"page", "forms"} if channel is PAGE else set[str]()  # of a permission that is missing
    beside = {name for name, (state, _) in differ.items() if name not in expected and state != "skipped"}
    assert beside <= follows
    for check in checks:
        if check.reason is not None:
            told = TROUBLES.get(check.reason) or explain(check.reason)
            assert check.reason in TROUBLES or explain(check.reason).code != UNKNOWN
            assert told.cause.endswith(".")
            assert told.remedy.endswith(".")


def test_what_blocks_a_number_is_named_by_its_code(meta: Meta):
    meta.app.wabas[0].numbers[0].health = "BLOCKED"
    meta.app.wabas[0].numbers[0].health_errors = (131042,)
    checks, standing = meta.look(NUMBER)
    assert lines(checks)["sending"] == ("failed", "131042")
    assert standing.health == "blocked"


def test_a_token_of_another_app(meta: Meta):
    other = business()
    other.app_id, other.tokens = "670843887433848", []
    meta.app.app_id, meta.app.secret = other.app_id, APP_SECRET
    checks, _ = meta.look(replace(NUMBER, app_id=other.app_id))
    assert lines(checks)["token"] == ("passed", None)
    meta.simulator.apps[:] = [meta.app, replace(other, app_id=APP_ID, secret=APP_SECRET)]
    checks, _ = meta.look(NUMBER)
    assert lines(checks)["token"] == ("failed", "190"), "to the other app the token says nothing"


def test_the_most_fundamental_failure_comes_first(meta: Meta):
    meta.app.callback_url, meta.app.wabas[0].subscribed = "", False
    meta.app.wabas[0].numbers[0].status = "OFFLINE"
    checks, _ = meta.look(NUMBER)
    assert first_failure(checks) == "not_registered"


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "status", "status": 503},
        {"do": "status", "status": 429},
        {"do": "reset"},
        {"do": "status", "status": 400, "body": {"error": {"code": 4, "message": "x"}}},
        {"do": "status", "status": 400, "body": {"error": {"code": 2, "message": "x"}}},
    ],
    ids=["503", "429", "reset", "too many calls", "overloaded"],
)
@pytest.mark.parametrize("at", range(5))
def test_a_provider_that_is_away_is_no_failed_line(meta: Meta, fault: dict[str, object], at: int):
    paths = ["/670843887433847", "debug_token", "phone_numbers", "subscriptions", "subscribed_apps"]
    meta.simulator.recorder.faults.add({"match": {"path_contains": paths[at]}, **fault})
    with pytest.raises(Unavailable):
        meta.look(NUMBER)


def test_an_end_of_the_token_is_told_to_the_second(meta: Meta):
    end = NOW + timedelta(days=30)
    meta.app.tokens[0].expires_at = int(end.timestamp())
    checks, standing = meta.look(NUMBER)
    assert standing.token_expires_at == end
    assert next(check.found for check in checks if check.check == "token") == end.isoformat()
    for left, state in ((timedelta(days=14, seconds=1), "passed"), (timedelta(days=14), "advice")):
        checks, _ = meta.look(NUMBER, end - left)
        assert lines(checks)["token"][0] == state
    checks, _ = meta.look(NUMBER, end)
    assert lines(checks)["token"] == ("failed", "190")
