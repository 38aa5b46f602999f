"""What identifies a person is found in the forms people write it, and ordinary text is left alone."""

import pytest

from leadsrally.telemetry import redaction


@pytest.mark.parametrize(
    "number",
    [
        "+15550100001",
        "15550100001",
        "(555) 010-0001",
        "+1 (555) 010-0001",
        "555.010.0001",
        "555-0100",
        "+44 20 7946 0958",
        "06 12 34 56 78",
        "06.12.34.56.78",
        "+49 (0)30 / 123 45-67",
        "555\u2013010\u20130001",
        "\u0665\u0665\u0665\u0660\u0661\u0660\u0660",  # Arabic-Indic digits
    ],
)
def test_telephone_numbers(number: str) -> None:
    assert redaction.replaced(f"call {number} please") == f"call {redaction.PHONE_MARK} please"
    assert redaction.replaced(f"call{number}please").startswith("call[phone]")
    assert redaction.identifies(number)


@pytest.mark.parametrize(
    "address", ["jane@example.com", "j.doe+x@mail.example.co.uk", "JANE_DOE@EXAMPLE.COM", "jané@exämple.de"]
)
def test_email_addresses(address: str) -> None:
    assert redaction.replaced(f"write to {address}, ok?") == "write to [email], ok?"


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com/reset?token=abc",
        "HTTP://EXAMPLE.COM",
        "www.example.com/a",
        "example.com",
        "bit.ly/x7",
        "shop.example.io?id=5",
        "ftp://host/file",
        "wa.me/15550100001",
        "myapp://open/secret",
    ],
)
def test_links(link: str) -> None:
    assert redaction.replaced(f"see {link} now") == "see [link] now"


@pytest.mark.parametrize("digits", ["12345", "123456"])
def test_other_long_numbers(digits: str) -> None:
    assert redaction.replaced(f"order {digits}!") == "order [number]!"


@pytest.mark.parametrize(
    "text",
    [
        "See you on 2026-11-23 at 10:30",
        "on 23.11.2026 or 23/11/26?",
        "2 rooms, 4 people, $1,200 for 3 nights",
        "Ok.Thanks. Sure...no",
        "I live at number 12, it is 5 o'clock",
        "50% off, 24/7, 1st, Covid-19, iPhone 15",
        "Ça va? 你好。こんにちは",
        "",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redaction.replaced(text) == text
    assert not redaction.identifies(text)


@pytest.mark.parametrize("text", ["2026-11-23-5550100", "1999-01-0150", "06.12.34.56"])
def test_a_number_cannot_hide_as_a_date(text: str) -> None:
    assert not any(character.isdigit() for character in redaction.replaced(text))


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 100_000,
        "a." * 50_000,
        "1" * 100_000,
        "1 " * 50_000,
        "a@" * 50_000,
        "-" * 100_000,
        "(" * 100_000,
        "1-" * 50_000,
        "+." * 50_000,
        "x://" * 25_000,
        "a-" * 50_000 + ".com",
    ],
    ids=lambda text: text[:4],
)
def test_no_text_holds_it_up(hostile: str) -> None:
    """A rule that goes back at every place would not come to an end here."""
    redaction.replaced(hostile * 5)
