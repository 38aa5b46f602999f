"""Stand-ins that remember: small, real implementations of the house's protocols."""

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import datetime, timedelta

from leadsrally.ai.types import Answer, Declined, Intent, ModelUnavailable, Scored
from leadsrally.kit.download import Incoming
from leadsrally.kit.errors import NotFound
from leadsrally.messaging.copies.types import Answer as CopyAnswer
from leadsrally.messaging.copies.types import Gone, What
from leadsrally.messaging.leads.types import Answer as LeadAnswer
from leadsrally.messaging.leads.types import Form, Lead, LeadPage, Question, Withheld
from leadsrally.messaging.types import TemplateNews
from leadsrally.notices.types import Mail, Taken
from leadsrally.notices.types import Outcome as MailOutcome
from leadsrally.sending.types import Accepted, Left, NotProcessed, OutboundMessage, Outcome, Rejected


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


class RecordingDepot:
    """Takes every file, remembers it, and answers what it was told to; keeps it when told nothing."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str, str, bytes]] = []  # for whom, name, type, what
        self.outcomes: list[Left | NotProcessed | Rejected] = []
        self.on_leave: Callable[[], None] = lambda: None

    def leave(
        self, sender: str, chunks: Iterable[bytes], *, file_name: str, content_type: str, size: int
    ) -> Left | NotProcessed | Rejected:
        content = b"".join(chunks)
        assert len(content) == size
        self.kept.append((sender, file_name, content_type, content))
        self.on_leave()
        return self.outcomes.pop(0) if self.outcomes else Left(f"9{len(self.kept):015d}")


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


class RecordingCopies:
    """A provider that deletes what it is asked to, or answers what it was told to."""

    def __init__(self) -> None:
        self.deleted: list[tuple[What, str]] = []
        self.answers: list[CopyAnswer] = []

    def delete(self, what: What, provider_id: str) -> CopyAnswer:
        answer = self.answers.pop(0) if self.answers else Gone()
        if isinstance(answer, Gone):
            self.deleted.append((what, provider_id))
        return answer


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


class RecordingLeads:
    """A page's forms and leads. What is not there is withheld; an error in place of a lead is raised."""

    def __init__(self) -> None:
        self.held: dict[str, Lead | Exception] = {}
        self.shapes: dict[str, Form] = {}
        self.tests: set[str] = set()
        self.asked: list[str] = []
        self.failures: list[Exception] = []
        self.page_size = 2
        self.on_lead: Callable[[str], None] = lambda _id: None

    def add(self, lead: Lead, form: Form | None = None) -> Lead:
        """Somebody has filled in a form, one with these questions unless there is one."""
        questions = tuple(Question(answer.key, answer.key, "CUSTOM") for answer in lead.answers)
        made = Form(lead.form_id, "Test ride", "en_US", "active", questions, None, None)
        self.shapes.setdefault(lead.form_id, form or made)
        self.held[lead.id] = lead
        return lead

    def lead(self, lead_id: str) -> Lead:
        self._ask(f"lead {lead_id}")
        self.on_lead(lead_id)
        found = self.held.get(lead_id, Withheld("There is none.", code="100"))
        if isinstance(found, Exception):
            raise found
        return found

    def form(self, form_id: str) -> Form:
        self._ask(f"form {form_id}")
        return self.shapes[form_id]

    def forms(self, page_id: str) -> list[Form]:
        self._ask(f"forms {page_id}")
        return list(self.shapes.values())

    def leads(self, form_id: str, since: datetime, after: str | None) -> LeadPage:
        self._ask(f"leads {form_id} {after}")
        mine = [lead for lead in self.held.values() if isinstance(lead, Lead) and lead.form_id == form_id]
        found = sorted(
            (lead for lead in mine if lead.submitted_at is not None and lead.submitted_at > since),
            key=lambda lead: (lead.submitted_at, lead.id),
            reverse=True,
        )
        start = int(after or 0)
        end = start + self.page_size
        return LeadPage(tuple(found[start:end]), str(end) if end < len(found) else None)

    def test_leads(self, form_id: str) -> frozenset[str]:
        self._ask(f"tests {form_id}")
        return frozenset(self.tests)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.failures:
            raise self.failures.pop(0)


def answered(**answers: str) -> tuple[LeadAnswer, ...]:
    """Answers of one value each, by their questions' keys."""
    return tuple(LeadAnswer(key, (value,)) for key, value in answers.items())
