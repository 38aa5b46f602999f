"""What a Twilio error code means for a customer, and what it asks of us. The table is in `error_codes.json`."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, cast, get_args

Effect = Literal[
    "none",
    "opt_out",
    "attention",
    "bad_number",
    "operator",
    "slow_down",
    "later",
    "sender",
    "content",
    "carrier",
]
EFFECTS: Final[frozenset[str]] = frozenset(get_args(Effect))

UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One entry. All texts are sentences in plain English for the customer.

    `final`: sending the same message again cannot succeed until somebody changes something.

    `effect` is what has to follow beyond this one message:

    * `none`: nothing;
    * `opt_out`: record that the person opted out;
    * `attention`: the account takes nothing until somebody sets something right there; the channel's messages wait;
    * `bad_number`: mark the number as not reachable by text;
    * `operator`: this message could not go as the account is set up; others may;
    * `slow_down`: send less per second from this sender;
    * `later`: a passing trouble of the handset or a network;
    * `sender`: the sending number or service is not set up for this;
    * `content`: the text itself was refused;
    * `carrier`: a carrier refused or blocked, for reasons that it may not give.
    """

    code: str
    meaning: str
    cause: str
    remedy: str
    final: bool
    effect: Effect
    source: str


@cache
def _table() -> dict[str, ErrorCode]:
    entries = cast(
        "list[dict[str, object]]",
        json.loads(files(__package__ or "").joinpath("error_codes.json").read_text(encoding="utf-8")),
    )
    table: dict[str, ErrorCode] = {}
    for entry in entries:
        code = str(entry["code"])
        table[code] = ErrorCode(
            code=code,
            meaning=str(entry["meaning"]),
            cause=str(entry["cause"]),
            remedy=str(entry["remedy"]),
            final=entry["final"] is True,
            effect=cast("Effect", entry["effect"]),
            source=_page(code),
        )
    return table


def explain(code: str | None) -> ErrorCode:
    """The entry for `code`, or a sensible one for a code that is not listed or was not given. Never raises."""
    known = _table().get(code or "")
    if known is not None:
        return known
    numbered = code is not None and code.isascii() and code.isdecimal() and len(code) == 5
    return ErrorCode(
        code=code or UNKNOWN,
        meaning="The message could not be sent or delivered.",
        cause="Twilio or the carrier gave a reason that is not in our list."
        if code
        else "Twilio or the carrier gave no reason.",
        remedy="Check the number and try once more later. If it fails again, ask support with the code shown here.",
        final=False,
        effect="none",
        source=_page(code) if numbered and code is not None else "https://www.twilio.com/docs/api/errors",
    )


def _page(code: str) -> str:
    return f"https://www.twilio.com/docs/api/errors/{code}"


def effect_of(code: str | None) -> Literal["opt_out", "attention"] | None:
    """What an error asks of us beyond its message, in the house's own words; None: nothing."""
    effect = None if code is None else explain(code).effect
    return effect if effect in ("opt_out", "attention") else None
