"""Look whether a WhatsApp number or a page can work: each permission and each step on the way of its news, live."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from leadsrally.messaging.channels.checklist import LEAD_SCOPES, WHATSAPP_SCOPES, Check, CheckName
from leadsrally.messaging.channels.meta_store import Business, Hook, Standing
from leadsrally.messaging.types import BusinessAccess, NumberState, ProviderRefused, TokenState

# What has to reach us. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
WHATSAPP_FIELDS: Final = frozenset(
    {
        "messages",
        "user_preferences",
        "message_template_status_update",
        "message_template_quality_update",
        "template_category_update",
        "phone_number_quality_update",
        "account_update",
    }
)
LEAD_FIELDS: Final = frozenset({"leadgen"})
EXPIRES_SOON: Final = timedelta(days=14)
ACCESS_REFUSED: Final = "190"
"""Meta's own code, so that a token that a call has found to be over is the same trouble."""

_NAMES_OF_PAGE: Final[tuple[CheckName, ...]] = ("page", "forms")
_NAMES_OF_NUMBER: Final[tuple[CheckName, ...]] = (
    "account",
    "number",
    "registration",
    "sending",
    "display_name",
    "quality",
)
# "No such object, or none that this token may see": the same code for both.
_UNSEEN: Final = "100"
# https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account-to-number-current-status
_WORKING: Final = ("CONNECTED",)
_WORKING_STILL: Final = ("FLAGGED", "RATE_LIMITED", "RESTRICTED")
_NAMES_SHOWN: Final = ("APPROVED", "AVAILABLE_WITHOUT_REVIEW")


def fields_of(business: Business) -> frozenset[str]:
    """Which news a channel needs."""
    return WHATSAPP_FIELDS if business.kind == "whatsapp" else LEAD_FIELDS


def look(
    access: BusinessAccess,
    business: Business,
    callbacks: Sequence[tuple[str, Hook]],
    *,
    now: datetime,
) -> tuple[list[Check], Standing]:
    """Every line, the most fundamental first, and how the channel stands. Changes nothing at the provider.

    `callbacks` are the addresses at which news of this app is taken. Raises `Unavailable` when the provider cannot be
    asked.
    """
    checks, standing = _of_credentials(access, business, now)
    signed_in = all(check.state != "failed" for check in checks if check.check in ("app", "token"))
    if not signed_in:
        return [*checks, *map(_skipped, _after_credentials(business))], standing
    if business.kind == "whatsapp":
        of_node, standing = _of_number(access, business, standing)
    else:
        of_node = [
            _asked("page", lambda: access.page(business.node), unseen="page_not_found"),
            _asked("forms", lambda: access.forms(business.node), unseen="forms_withheld"),
        ]
    return [*checks, *of_node, *_of_news(access, business, callbacks)], standing


def _after_credentials(business: Business) -> tuple[CheckName, ...]:
    own = _NAMES_OF_NUMBER if business.kind == "whatsapp" else _NAMES_OF_PAGE
    return (*own, "callback", "fields", "subscribed", "challenge")


def _skipped(name: CheckName) -> Check:
    return Check(name, "skipped")


def _asked(name: CheckName, ask: Callable[[], object], *, unseen: str | None = None) -> Check:
    try:
        ask()
    except ProviderRefused as refused:
        return _refused(name, refused, unseen)
    return Check(name, "passed")


def _refused(name: CheckName, refused: ProviderRefused, unseen: str | None = None) -> Check:
    return Check(name, "failed", unseen if unseen and refused.code == _UNSEEN else refused.code)


# -- the app and its token ----------------------------------------------------------------------------------


def _of_credentials(
    access: BusinessAccess, business: Business, now: datetime
) -> tuple[list[Check], Standing]:
    scopes = WHATSAPP_SCOPES if business.kind == "whatsapp" else LEAD_SCOPES
    try:
        access.app()
        state = access.token()
    except ProviderRefused:
        unknown = [_skipped("token"), *map(_skipped, scopes)]
        return [Check("app", "failed", "app_refused", business.app_id), *unknown], Standing()
    app = Check("app", "passed", found=business.app_id)
    token = _token(state, business, now)
    standing = Standing(token_known=True, token_expires_at=state.expires_at)
    if token.state == "failed":
        return [app, token, *map(_skipped, scopes)], standing
    granted = (
        Check(scope, "passed") if scope in state.scopes else Check(scope, "failed", "scope_missing")
        for scope in scopes
    )
    return [app, token, *granted], standing


def _token(state: TokenState, business: Business, now: datetime) -> Check:
    ends = state.expires_at
    found = ends.isoformat() if ends else "never"
    if (ends is not None and ends <= now) or not state.valid:
        return Check("token", "failed", ACCESS_REFUSED, found if ends else None)
    if state.app_id != business.app_id:
        return Check("token", "failed", "token_of_other_app", state.app_id or None)
    if state.page_id is not None and state.page_id != business.page_id:
        return Check("token", "failed", "token_of_other_page", state.page_id)
    if ends is not None and ends - now <= EXPIRES_SOON:
        return Check("token", "advice", "token_expires_soon", found)
    return Check("token", "passed", found=found)


# -- a WhatsApp number --------------------------------------------------------------------------------------


def _of_number(
    access: BusinessAccess, business: Business, standing: Standing
) -> tuple[list[Check], Standing]:
    number_id = business.phone_number_id or ""
    try:
        listed = access.numbers(business.node)
        account = Check("account", "passed", found=business.node)
    except ProviderRefused as refused:
        listed, account = None, _refused("account", refused, "account_not_found")
    try:
        state = access.number(number_id)
        limit = access.messaging_limit(number_id)
    except ProviderRefused as refused:
        rest = (_skipped(name) for name in _NAMES_OF_NUMBER[2:])
        return [account, _refused("number", refused, "number_not_in_account"), *rest], standing
    if listed is None:
        number = _skipped("number")
    elif number_id in listed:
        number = Check("number", "passed", found=number_id)
    else:
        number = Check("number", "failed", "number_not_in_account", number_id)
    standing = replace(
        standing,
        number=state.number,
        health=state.health,
        quality=state.quality,
        name_status=state.name_status or None,
        messaging_limit=limit,
    )
    return [account, number, *_of_state(state, limit)], standing


def _of_state(state: NumberState, limit: str | None) -> Iterator[Check]:
    if state.status in _WORKING:
        yield Check("registration", "passed", found=state.status)
    elif state.status in _WORKING_STILL:
        yield Check("registration", "advice", "number_restricted", state.status)
    else:
        yield Check("registration", "failed", "not_registered", state.status or None)
    match state.health:
        case "blocked":
            yield Check("sending", "failed", state.health_code or "sending_blocked", limit)
        case "limited":
            yield Check("sending", "advice", state.health_code or "sending_limited", limit)
        case _:
            yield Check("sending", "passed", found=limit)
    if state.name_status in _NAMES_SHOWN:
        yield Check("display_name", "passed", found=state.name_status)
    else:
        yield Check("display_name", "advice", "name_not_approved", state.name_status or None)
    low = state.quality in ("yellow", "red")
    yield Check("quality", "advice" if low else "passed", "quality_low" if low else None, state.quality)


# -- how news gets to us ------------------------------------------------------------------------------------


def _of_news(
    access: BusinessAccess, business: Business, callbacks: Sequence[tuple[str, Hook]]
) -> list[Check]:
    checks = _of_subscription(access, business, [url for url, _ in callbacks])
    wanted = frozenset[str]() if business.kind == "whatsapp" else LEAD_FIELDS
    try:
        installed = access.subscribed(business.node)
        whole = installed is not None and wanted <= installed
        checks.append(
            Check("subscribed", "passed") if whole else Check("subscribed", "failed", "not_subscribed")
        )
    except ProviderRefused as refused:
        checks.append(_refused("subscribed", refused, "not_subscribed"))
    seen = [hook.challenged_at for _, hook in callbacks if hook.challenged_at is not None]
    checks.append(
        Check("challenge", "passed", found=max(seen).isoformat())
        if seen
        else Check("challenge", "failed", "not_challenged")
    )
    return checks


def _of_subscription(access: BusinessAccess, business: Business, ours: Sequence[str]) -> list[Check]:
    try:
        found = access.subscription(business.news)
    except ProviderRefused as refused:
        return [_refused("callback", refused), _skipped("fields")]
    if found is None or not found.active:
        return [Check("callback", "failed", "callback_missing"), _skipped("fields")]
    if found.callback_url not in ours:
        return [Check("callback", "failed", "callback_elsewhere"), _skipped("fields")]
    missing = sorted(fields_of(business) - found.fields)
    fields = (
        Check("fields", "failed", "fields_missing", ", ".join(missing))
        if missing
        else Check("fields", "passed")
    )
    return [Check("callback", "passed"), fields]
