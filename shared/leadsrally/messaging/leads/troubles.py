"""Why a lead is not here, in words for the customer's people."""

from typing import Final

from leadsrally.messaging.channels.troubles import Trouble

BROKEN: Final = "broken"
DISCONNECTED: Final = "channel_disconnected"
IN_TROUBLE: Final = "channel_in_trouble"
RATE_LIMITED: Final = "rate_limited"
UNDER_AGE: Final = "under_age"
ERASED: Final = "erased"
FOREIGN_PAGE: Final = "foreign_page"

_WITHHELD: Final = Trouble(
    "Meta withholds the lead from the access that the page was connected with.",
    "Give the app leads_retrieval and, in Meta Business Suite under Leads Access, access to the page's leads. "
    "Then retry.",
)
_TOKEN: Final = Trouble(
    "Meta does not accept the page's access token any more.",
    "Connect the page again; the lead is fetched then.",
)
_TROUBLES: Final[dict[str, Trouble]] = {
    "100": Trouble(
        "Meta has no such lead, or hides it: it was deleted, is older than 90 days, or access to it is missing.",
        "Look whether the lead is listed in Meta Business Suite. If it is, give the app access to leads and retry.",
    ),
    "unreadable": Trouble("Meta answered with something that is no lead.", "Retry later, or ask support."),
    "not_answered": Trouble("Meta did not answer.", "Nothing to do: it is tried again by itself."),
    RATE_LIMITED: Trouble(
        "Meta takes no more calls for this page at the moment.", "Nothing to do: it is tried again by itself."
    ),
    IN_TROUBLE: _TOKEN,
    DISCONNECTED: Trouble("The page was disconnected.", "Connect the page again, then retry."),
    BROKEN: Trouble("Something broke on our side.", "It has been reported. Retry later."),
    UNDER_AGE: Trouble(
        "An answer says that the person is, or may be, under 16. Nothing of the lead was kept.",
        "Nothing to do. Do not ask people under 16 to fill in the form.",
    ),
    ERASED: Trouble(
        "The person was erased after they left this lead. Nothing of it was kept.",
        "Nothing to do. Whoever leaves a new lead is taken as somebody new.",
    ),
    FOREIGN_PAGE: Trouble(
        "The lead is of a page that is not connected.", "Connect the page; its leads are read then."
    ),
    **dict.fromkeys(("3", "10"), _WITHHELD),
    **dict.fromkeys(("0", "102", "190"), _TOKEN),
}


_UNANSWERED: Final[dict[str, Trouble]] = {
    "taken_over": Trouble(
        "A colleague has taken the conversation with this person over.", "Write to them in the conversation."
    ),
    "no_number": Trouble("The person left no number.", "Ask for the number in the form."),
    "channel_disconnected": Trouble(
        "The number that the form writes from is disconnected.", "Connect it, or choose another for the form."
    ),
    "merge_field_missing": Trouble(
        "A gap of the form's first message asks for what the person did not leave.",
        "Say behind a bar what to write instead: {{first_name|there}}.",
    ),
    "template_not_found": Trouble("The template is gone at Meta.", "Choose another for the form."),
    "template_not_approved": Trouble(
        "Meta does not let the template be sent at the moment.", "Wait for its approval, or choose another."
    ),
}


def explain_unanswered(code: str) -> Trouble:
    """Why nothing was written to whoever left a lead. Never raises."""
    return _UNANSWERED.get(code) or Trouble(
        "The form's first message does not fit the number it goes by.", "Look at it and set it anew."
    )


def explain(code: str) -> Trouble:
    """The sentences for a failure's code. Never raises."""
    known = _TROUBLES.get(code)
    if known is not None:
        return known
    if code.isascii() and code.isdecimal() and len(code) == 3 and code.startswith("2"):
        return _WITHHELD
    return Trouble(
        "Meta gave a reason that is not in our list.", "Retry later. If it fails again, ask support."
    )
