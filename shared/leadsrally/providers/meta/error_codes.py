"""What a Meta error code means for a customer, and what it asks of us. The table is in `error_codes.json`.

Codes, causes and remedies: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Final, Literal, cast, get_args

from leadsrally.messaging.types import Effect

Here = Literal[
    "none", "unsure", "slow_channel", "slow_account", "slow_pair", "bad_number", "window", "content"
]
EFFECTS: Final[frozenset[str]] = frozenset((*get_args(Here), *get_args(Effect))) - {"opt_out"}

PAGE: Final = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"
UNKNOWN: Final = "unknown"
_PERMISSIONS: Final = range(200, 300)  # "200 to 299: API permission" is one entry of Meta's page


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One entry. All texts are sentences in plain English for the customer.

    `final`: sending the same message again cannot succeed until somebody changes something.

    `effect` is what has to follow beyond this one message:

    * `none`: nothing;
    * `unsure`: the code does not prove that the message was not taken; it is never repeated blindly;
    * `attention`: the channel cannot send until somebody sets something right at Meta; its messages wait;
    * `slow_channel`, `slow_account`, `slow_pair`: wait with this number, with all numbers of the account, with this one
      person; the message was not taken;
    * `withheld`: WhatsApp held marketing back from this person; none for a day;
    * `no_marketing`: record that the person wants no marketing;
    * `bad_number`: the number cannot be reached on WhatsApp;
    * `window`: free text is over; a template is needed;
    * `content`: the message itself was refused;
    * `template_…`: the template is not what we took it for; nothing more is sent with it.
    """

    code: str
    meaning: str
    cause: str
    remedy: str
    final: bool
    effect: Here | Effect
    wait: timedelta | None  # how long to hold back, where Meta's pages say or imply it
    source: str = PAGE


@cache
def _table() -> dict[str, ErrorCode]:
    entries = cast(
        "list[dict[str, object]]",
        json.loads(files(__package__ or "").joinpath("error_codes.json").read_text(encoding="utf-8")),
    )
    return {
        str(entry["code"]): ErrorCode(
            code=str(entry["code"]),
            meaning=str(entry["meaning"]),
            cause=str(entry["cause"]),
            remedy=str(entry["remedy"]),
            final=entry["final"] is True,
            effect=cast("Here | Effect", entry["effect"]),
            wait=timedelta(seconds=cast("int", entry["wait"])) if "wait" in entry else None,
        )
        for entry in entries
    }


def explain(code: str | None) -> ErrorCode:
    """The entry for `code`, or a sensible one for a code that is not listed or was not given. Never raises."""
    known = _table().get(code or "")
    if known is not None:
        return known
    if (
        code is not None
        and code.isascii()
        and code.isdecimal()
        and len(code) == 3
        and int(code) in _PERMISSIONS
    ):
        entry = _table()["200"]
        return ErrorCode(
            code, entry.meaning, entry.cause, entry.remedy, entry.final, entry.effect, entry.wait
        )
    return ErrorCode(
        code=code or UNKNOWN,
        meaning="The message could not be sent or delivered.",
        cause="WhatsApp gave a reason that is not in our list." if code else "WhatsApp gave no reason.",
        remedy="Try once more later. If it fails again, ask support with the code shown here.",
        final=False,
        effect="none",
        wait=None,
    )


def effect_of(code: str | None) -> Effect | None:
    """What an error asks of us beyond its message, in the house's own words; None: nothing."""
    effect = explain(code).effect if code is not None else "none"
    return cast("Effect", effect) if effect in get_args(Effect) else None
