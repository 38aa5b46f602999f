"""What is asked of a model about a conversation, and what may come back."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, Self

from leadsrally.messaging.types import Direction


class Intent(StrEnum):
    """What the contact's newest messages are about. `OTHER` when nothing else fits."""

    PRICING = "pricing"
    BOOKING = "booking"
    PURCHASE = "purchase"
    PRODUCT_QUESTION = "product_question"
    CALLBACK = "callback"
    SUPPORT = "support"
    COMPLAINT = "complaint"
    NOT_INTERESTED = "not_interested"
    STOP = "stop"
    WRONG_PERSON = "wrong_person"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One message as far as scoring needs it."""

    direction: Direction
    body: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer: everything in range, nothing in it that could identify or mislead a contact."""

    intent: Intent
    interest: int  # 0 to 100
    reason: str  # one line for the team, at most 160 characters
    suggestions: tuple[str, ...]  # at most three replies, each at most 320 characters; a person sends them
    wants_to_stop: bool
    language: str  # of the contact, as a BCP 47 tag; "und" when the model could not say


class AnswerForm(Protocol):
    """A pydantic model that describes the answer to the provider. `leadsrally.ai.answer.ScoreAnswer` is the one.

    Handed to the scorer as a class, because a provider may not import anything of this room but these types.
    """

    @classmethod
    def model_validate_json(cls, json_data: str | bytes) -> Self:
        """Raises `ValueError` when the text is not an answer within its limits."""
        ...

    def checked(self) -> Answer:
        """The answer without what may not be shown or sent."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    answer: Answer
    model: str  # as the provider names the one that answered
    input_tokens: int  # all of the prompt, cached or not
    output_tokens: int
    cache_read_tokens: int = 0  # of the prompt
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Declined:
    """No score, and asking again would not help. The tokens were spent all the same."""

    reason: Literal["refusal", "truncated", "nonsense"]
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelUnavailable:
    """No score for now. `retry_after` is in seconds, at most 900; None when the provider named no time."""

    retry_after: float | None


class Scorer(Protocol):
    def score(
        self, system: str, conversation: str, *, timeout: float
    ) -> Scored | Declined | ModelUnavailable:
        """Asks once, without retrying. `timeout` in seconds.

        Raises `Misconfigured` when the account must be put right (key, payment, permission, unknown model) and
        `Invalid` when the provider says that the request itself is wrong.
        """
        ...
