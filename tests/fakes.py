"""Stand-ins that remember: small, real implementations of the house's protocols."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta

from leadsrally.ai.types import Answer, Declined, Intent, ModelUnavailable, Scored
from leadsrally.kit.download import Incoming
from leadsrally.kit.errors import NotFound
from leadsrally.messaging.types import TemplateNews
from leadsrally.notices.types import Mail, Taken
from leadsrally.notices.types import Outcome as MailOutcome
from leadsrally.sending.types import Accepted, OutboundMessage, Outcome


class MovableClock:
    """Time that stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


class RecordingSender:
    """Takes every text, remembers it, and answers what it was told to; accepts when told nothing."""

    def __init__(self, prefix: str = "SM") -> None:
        self.prefix = prefix
        self.texts: list[OutboundMessage] = []
        self.outcomes: list[Outcome] = []
        self.at_provider: tuple[str, ...] = ()
        self.on_send: Callable[[OutboundMessage], None] = lambda _text: None
        self._lock = threading.Lock()

    def send(self, text: OutboundMessage) -> Outcome:
        with self._lock:
            self.texts.append(text)
            outcome = (
                self.outcomes.pop(0) if self.outcomes else Accepted(f"{self.prefix}{len(self.texts):032x}", 1)
            )
        self.on_send(text)
        return outcome

    def find(self, text: OutboundMessage, not_before: datetime) -> tuple[str, ...]:
        return self.at_provider


class RecordingMailer:
    """Takes every mail, remembers it, and answers what it was told to; takes when told nothing."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.allowed: list[str] = []
        self.outcomes: list[MailOutcome | Exception] = []
        self.on_send: Callable[[Mail], None] = lambda _mail: None

    def send(self, mail: Mail) -> MailOutcome:
        self.mails.append(mail)
        self.on_send(mail)
        outcome = self.outcomes.pop(0) if self.outcomes else Taken(f"mail-{len(self.mails)}")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def allow(self, address: str) -> None:
        self.allowed.append(address)


class RecordingMedia:
    """A provider's files by their address or id. One that is not there is missing; an error there is raised."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes | Exception] = {}
        self.asked: list[str] = []
        self.on_open: Callable[[str], None] = lambda _source: None

    @contextmanager
    def open(self, source: str) -> Generator[Incoming]:
        self.asked.append(source)
        self.on_open(source)
        found = self.kept.get(source, NotFound("The provider has no such file.", code="missing"))
        if isinstance(found, Exception):
            raise found
        pieces = (found[start : start + 100_000] for start in range(0, len(found), 100_000))
        yield Incoming(200, "application/octet-stream", len(found), pieces)


class RecordingScorer:
    """Gives the answer it was handed and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.answer = Answer(
            Intent.PRICING, 80, "asks for a price", ("It is 20.",), wants_to_stop=False, language="en"
        )
        self.results: list[Scored | Declined | ModelUnavailable] = []
        self.on_score: Callable[[str], None] = lambda _conversation: None

    def score(
        self, system: str, conversation: str, *, timeout: float
    ) -> Scored | Declined | ModelUnavailable:
        self.shown.append(conversation)
        self.on_score(conversation)
        return self.results.pop(0) if self.results else Scored(self.answer, "model-of-a-test", 100, 20)


class RecordingCatalogue:
    """Has the templates it was given, and remembers which accounts were asked for."""

    def __init__(self) -> None:
        self.held: list[TemplateNews] = []
        self.asked: list[str] = []
        self.failure: Exception | None = None

    def templates(self, waba_id: str) -> list[TemplateNews]:
        self.asked.append(waba_id)
        if self.failure is not None:
            raise self.failure
        return list(self.held)
