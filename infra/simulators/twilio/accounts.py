"""What exists at the simulated provider: accounts, their numbers, their Messaging Services."""

import hashlib
import secrets
from dataclasses import dataclass, field


def stable_sid(prefix: str, name: str) -> str:
    """An id in Twilio's form that is the same after every start, so that saved settings stay true."""
    return prefix + hashlib.sha256(name.encode()).hexdigest()[:32]


def new_sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


@dataclass
class TwilioNumber:
    """A number the account owns. `sms_url` is where inbound texts go, written exactly as it is signed.

    With an `application_sid` they go to that application instead, which here means nowhere.
    """

    number: str
    sms_url: str = ""
    sms_method: str = "POST"
    sms_fallback_url: str = ""
    friendly_name: str = ""
    advanced_opt_out: bool = False
    application_sid: str = ""
    sms: bool = True
    sid: str = ""

    def __post_init__(self) -> None:
        self.sid = self.sid or stable_sid("PN", self.number)
        self.friendly_name = self.friendly_name or self.number


@dataclass
class MessagingService:
    """A pool of numbers that share one opt-out list.

    With `use_inbound_webhook_on_number` off and no `inbound_request_url`, inbound texts are neither delivered
    nor logged, as at Twilio. https://www.twilio.com/docs/messaging/api/service-resource
    """

    sid: str
    numbers: list[str] = field(default_factory=list)
    inbound_request_url: str = ""
    use_inbound_webhook_on_number: bool = True
    status_callback: str = ""
    advanced_opt_out: bool = False


@dataclass
class TwilioAccount:
    """One account at the provider.

    `auth_token` authenticates REST calls and signs webhooks with SHA-1; `secondary_token` authenticates only, until it
    is promoted (https://www.twilio.com/docs/iam/api/authtoken). `shared_keys` (id to secret) sign in
    SHA-256 mode; naming one as `signing_key` makes that the account's default.
    """

    sid: str
    auth_token: str
    status: str = "active"  # or suspended, closed
    type: str = "Full"  # or Trial
    shared_keys: dict[str, str] = field(default_factory=dict)
    numbers: list[TwilioNumber] = field(default_factory=list)
    messaging_services: list[MessagingService] = field(default_factory=list)
    api_keys: dict[str, str] = field(default_factory=dict)
    signing_key: str | None = None
    secondary_token: str | None = None
    test_credentials: bool = False

    def authenticates(self, username: str, password: str) -> bool:
        if not password:
            return False
        if username == self.sid:
            return password in (self.auth_token, self.secondary_token)
        return self.api_keys.get(username) == password

    def number(self, number: str) -> TwilioNumber | None:
        return next((own for own in self.numbers if own.number == number), None)

    def number_by_sid(self, sid: str) -> TwilioNumber | None:
        return next((own for own in self.numbers if own.sid == sid), None)

    def service(self, sid: str) -> MessagingService | None:
        return next((service for service in self.messaging_services if service.sid == sid), None)

    def service_of(self, number: str) -> MessagingService | None:
        return next((service for service in self.messaging_services if number in service.numbers), None)
