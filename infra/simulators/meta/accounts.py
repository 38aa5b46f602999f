"""What exists at the simulated Meta: apps with their tokens, WhatsApp accounts and numbers, pages and lead forms."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

# https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
WHATSAPP_FIELDS = (
    "messages",
    "user_preferences",
    "message_template_status_update",
    "message_template_quality_update",
    "template_category_update",
    "phone_number_quality_update",
    "account_update",
)
WHATSAPP_SCOPES = ("whatsapp_business_messaging", "whatsapp_business_management")
LEAD_SCOPES = (
    "leads_retrieval",
    "pages_manage_metadata",
    "pages_show_list",
    "pages_read_engagement",
    "ads_management",
    "pages_manage_ads",
)


def new_id() -> str:
    """A node's id: digits, as many as Meta's have."""
    return str(secrets.randbelow(9 * 10**14) + 10**14)


def new_wamid() -> str:
    return f"wamid.{secrets.token_urlsafe(36)}"


@dataclass
class Token:
    """An access token. `expires_at` 0 means never, as with a system user's; `page_id` makes it a page's."""

    value: str
    scopes: tuple[str, ...] = WHATSAPP_SCOPES + LEAD_SCOPES
    expires_at: int = 0
    data_access_expires_at: int = 0
    page_id: str = ""
    revoked: bool = False

    @property
    def good(self) -> bool:
        return not self.revoked and (self.expires_at == 0 or self.expires_at > time.time())


@dataclass
class WhatsAppNumber:
    """A business number. `window_refusal` says how free text outside the 24 hours fails: `sync` or `async`."""

    phone_number_id: str
    number: str
    verified_name: str = "Simulated business"
    quality_rating: str = "GREEN"
    status: str = "CONNECTED"
    code_verification_status: str = "VERIFIED"
    name_status: str = "APPROVED"
    messaging_limit: str = "TIER_2K"
    throughput: str = "STANDARD"
    platform_type: str = "CLOUD_API"
    window_refusal: str = "async"
    health: str = ""  # can_send_message; empty: as the status says
    health_errors: tuple[int, ...] = ()
    # https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput: one message in six seconds
    # to one user, of which so many may be borrowed from the future.
    pair_burst: int = 45

    @property
    def display(self) -> str:
        digits = self.number.removeprefix("+")
        return f"+{digits[0]} {digits[1:4]}-{digits[4:7]}-{digits[7:]}" if len(digits) == 11 else self.number


@dataclass
class Template:
    name: str
    language: str
    category: str
    components: list[dict[str, Any]]
    status: str = "APPROVED"
    quality: str = "GREEN"
    rejected_reason: str = "NONE"
    parameter_format: str = "POSITIONAL"
    id: str = field(default_factory=new_id)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "quality_score": {"score": self.quality, "date": 1_780_000_000},
            "rejected_reason": self.rejected_reason,
            "id": self.id,
        }


@dataclass
class Waba:
    """A WhatsApp Business account. News of it is sent to the app only while the app is subscribed to it."""

    waba_id: str
    numbers: list[WhatsAppNumber] = field(default_factory=list)
    templates: list[Template] = field(default_factory=list)
    name: str = "Simulated account"
    subscribed: bool = True

    def number(self, phone_number_id: str) -> WhatsAppNumber | None:
        return next((one for one in self.numbers if one.phone_number_id == phone_number_id), None)

    def template(self, name: str, language: str) -> Template | None:
        return next((one for one in self.templates if (one.name, one.language) == (name, language)), None)


@dataclass
class Lead:
    form_id: str
    answers: dict[str, list[str]]
    created: int = field(default_factory=lambda: int(time.time()))
    id: str = field(default_factory=new_id)
    test: bool = False
    organic: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class LeadForm:
    form_id: str
    name: str
    questions: list[dict[str, Any]]
    locale: str = "en_US"
    status: str = "ACTIVE"
    privacy_url: str = "https://www.harbour-bikes.example/privacy"
    disclaimer: str = ""
    leads: list[Lead] = field(default_factory=list)


@dataclass
class Page:
    page_id: str
    name: str
    forms: list[LeadForm] = field(default_factory=list)
    subscribed_fields: tuple[str, ...] = ("leadgen",)

    def form(self, form_id: str) -> LeadForm | None:
        return next((one for one in self.forms if one.form_id == form_id), None)


@dataclass
class MetaApp:
    """A customer's app: its secret signs webhooks and proves calls, `callback_url` is where news is sent.

    News of pages has a subscription of its own; without an address there it is sent to the other one.
    """

    app_id: str
    secret: str
    tokens: list[Token]
    callback_url: str = ""
    verify_token: str = ""
    fields: tuple[str, ...] = WHATSAPP_FIELDS
    page_callback_url: str = ""
    page_verify_token: str = ""
    page_fields: tuple[str, ...] = ("leadgen",)
    wabas: list[Waba] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    name: str = "Simulated app"
    require_proof: bool = False

    def token(self, value: str) -> Token | None:
        return next((one for one in self.tokens if hmac.compare_digest(one.value, value)), None)

    @property
    def own_token(self) -> str:
        """An app's own access token: https://developers.facebook.com/docs/facebook-login/guides/access-tokens"""
        return f"{self.app_id}|{self.secret}"

    def proof(self, token: str) -> str:
        """https://developers.facebook.com/docs/graph-api/guides/secure-requests"""
        return hmac.new(self.secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def owner_of_number(apps: list[MetaApp], phone_number_id: str) -> tuple[MetaApp, Waba, WhatsAppNumber] | None:
    for app in apps:
        for waba in app.wabas:
            number = waba.number(phone_number_id)
            if number is not None:
                return app, waba, number
    return None


def owner_of_form(apps: list[MetaApp], form_id: str) -> tuple[MetaApp, Page, LeadForm] | None:
    for app in apps:
        for page in app.pages:
            form = page.form(form_id)
            if form is not None:
                return app, page, form
    return None
