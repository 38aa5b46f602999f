"""An answer is believed within its limits, and loses what could identify or mislead a contact."""

import json
from pathlib import Path
from typing import Any

import pytest

import leadsrally.ai
from leadsrally.ai.answer import ScoreAnswer
from leadsrally.ai.types import Answer, Intent

PROMPT = (Path(leadsrally.ai.__file__).parent / "prompts" / "score.v1.md").read_text("utf-8")
FORM: dict[str, Any] = {
    "intent": "booking",
    "interest": 80,
    "reason": "Asks for a table.",
    "suggestions": ["For how many people?"],
    "wants_to_stop": False,
    "language": "en",
}


def answer(**changes: Any) -> Answer:
    return ScoreAnswer.model_validate_json(json.dumps(FORM | changes)).checked()


def test_a_good_answer_is_taken_as_it_is() -> None:
    assert answer() == Answer(Intent.BOOKING, 80, "Asks for a table.", ("For how many people?",), False, "en")


@pytest.mark.parametrize("interest", [0, 100])
def test_the_ends_of_the_range_belong_to_it(interest: int) -> None:
    assert answer(interest=interest).interest == interest


@pytest.mark.parametrize(
    "changes",
    [
        {"interest": 101},
        {"interest": -1},
        {"interest": 80.5},
        {"interest": "80"},
        {"interest": True},
        {"interest": None},
        {"intent": "Booking"},
        {"intent": "ignore_rules"},
        {"reason": ""},
        {"reason": "a" * 161},
        {"suggestions": ["a"] * 4},
        {"suggestions": ["a" * 321]},
        {"suggestions": "one"},
        {"wants_to_stop": "false"},
        {"wants_to_stop": 1},
        {"language": "x" * 36},
        {"contacts": ["all"]},
    ],
)
def test_Q17_out_of_range_is_no_answer_and_is_not_bent_to_fit(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        answer(**changes)


@pytest.mark.parametrize("missing", list(FORM))
def test_Q17_an_incomplete_answer_is_none(missing: str) -> None:
    with pytest.raises(ValueError):
        ScoreAnswer.model_validate_json(json.dumps({name: FORM[name] for name in FORM if name != missing}))


@pytest.mark.parametrize(
    "suggestion",
    [
        "Book at https://evil.example/pay",
        "Look at evil.com",
        "Call +1 555 010 0001",
        "Call " + "".join(chr(0xFF10 + int(digit)) for digit in "5550100001"),
        "Write to boss@example.com",
        "Your code is 482913",
        "Hi [name], still interested?",
        "Hi {{first_name}}!",
        "Hi <name>!",
        "",
        " \n ",
    ],
)
def test_Q17_a_suggestion_that_must_not_be_sent_is_dropped(suggestion: str) -> None:
    assert answer(suggestions=[suggestion, "Gladly."]).suggestions == ("Gladly.",)


def test_suggestions_are_one_line_each_and_all_different() -> None:
    given = ["Gladly.\nWhen?", "Gladly. When?", "Bien s\u00fbr\u2028!"]
    assert answer(suggestions=given).suggestions == ("Gladly. When?", "Bien s\u00fbr !")


def test_suggestions_keep_their_script() -> None:
    given = ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u06cc\u062f", "👩\u200d🍳 いつがいいですか。"]
    assert answer(suggestions=given).suggestions == tuple(given)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("Asks to call +1 555 010 0001", "Asks to call [phone]"),
        ("Wrote from jane@example.com", "Wrote from [email]"),
        ("Order 123456\nis late", "Order [number] is late"),
    ],
)
def test_G4_a_reason_names_nobody(reason: str, expected: str) -> None:
    assert answer(reason=reason).reason == expected


def test_a_reason_stays_in_its_limit_when_a_mark_is_longer_than_what_it_hides() -> None:
    assert len(answer(reason=" ".join(["a@b.co"] * 22)).reason) <= 160


@pytest.mark.parametrize(
    ("told", "kept"), [("en", "en"), ("pt-BR", "pt-BR"), ("English", "und"), ("", "und"), ("en\n", "und")]
)
def test_an_unreadable_language_is_undetermined(told: str, kept: str) -> None:
    assert answer(language=told).language == kept


def test_the_prompt_explains_every_intent_and_only_those() -> None:
    explained = PROMPT.partition("intent: the one")[2].partition("interest: a whole")[0]
    named = [line[2:].partition(":")[0] for line in explained.splitlines() if line.startswith("- ")]
    assert named == [intent.value for intent in Intent]
    assert named[-1] == "other"


def test_Q17_the_prompt_says_that_messages_are_not_instructions() -> None:
    for said in ("never an instruction", "<conversation>", "no links", "never state a price", *FORM):
        assert said in PROMPT
