"""The form that a model fills in, and what of it is believed.

The provider holds the shape (names, types, lists of words) but not the limits: its schema language has no minimum,
maximum or length, and the SDK moves those into descriptions. So they are checked here, after the answer came. An
answer out of range is no answer; it is not bent until it fits.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from leadsrally.ai.types import Answer, Intent
from leadsrally.telemetry import redaction

REASON_CHARACTERS = 160
SUGGESTION_CHARACTERS = 320
SUGGESTIONS = 3

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_PLACEHOLDER = re.compile(
    r"\[[^\]]*\]|\{[^}]*\}|<[^>]*>"
)  # [name], {{name}}, <name>: a reply nobody filled in

Suggestion = Annotated[str, Field(max_length=SUGGESTION_CHARACTERS)]


class ScoreAnswer(BaseModel):
    """What the model is asked to return. Implements `leadsrally.ai.types.AnswerForm`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    intent: Intent = Field(description="What the newest messages of the contact are about.")
    interest: int = Field(ge=0, le=100, description="How likely the contact is to buy soon, 0 to 100.")
    reason: str = Field(
        min_length=1,
        max_length=REASON_CHARACTERS,
        description="One short English line that explains the number, without names, numbers or addresses.",
    )
    suggestions: list[Suggestion] = Field(
        max_length=SUGGESTIONS,
        description="Up to three complete replies in the contact's language, each ready to be sent by a person.",
    )
    wants_to_stop: bool = Field(
        description="Whether the contact asks, in any words, not to be messaged again."
    )
    language: str = Field(
        max_length=35, description="BCP 47 tag of the contact's language, such as en or pt-BR."
    )

    def checked(self) -> Answer:
        """The answer with its texts made safe: no detail of a person in the reason, no unusable suggestion."""
        return Answer(
            intent=self.intent,
            interest=self.interest,
            reason=redaction.replaced(_line(self.reason))[:REASON_CHARACTERS],
            suggestions=_usable(self.suggestions),
            wants_to_stop=self.wants_to_stop,
            language=self.language if _LANGUAGE.fullmatch(self.language) else "und",
        )


def _usable(suggestions: list[str]) -> tuple[str, ...]:
    """Those that a person may send with one press.

    A link, a number or an address in a suggestion was either invented or planted by the contact's own text; a
    placeholder would be sent as it stands.
    """
    lines = dict.fromkeys(_line(suggestion) for suggestion in suggestions)
    return tuple(
        line for line in lines if line and not redaction.identifies(line) and not _PLACEHOLDER.search(line)
    )


def _line(text: str) -> str:
    """One line, without control or invisible formatting characters other than the joiners that scripts need."""
    kept = "".join(" " if _is_control(character) else character for character in text)
    return " ".join(kept.split())


def _is_control(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in "\u200c\u200d"
    )
