"""What stands in the way of a channel, in words for its people. The provider's own codes are explained elsewhere."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Trouble:
    """Two sentences: why, and what to do about it."""

    cause: str
    remedy: str


TROUBLES: Final[dict[str, Trouble]] = {
    "number_not_owned": Trouble(
        "The Twilio account does not have this number.",
        "Check the number and the account, or buy the number there.",
    ),
    "webhook_elsewhere": Trouble(
        "Texts to this number are sent to another address.",
        "Choose Configure, or enter the channel's inbound address for incoming messages in Twilio.",
    ),
    "webhook_application": Trouble(
        "A TwiML application takes the texts of this number before they are sent on.",
        "Choose Configure, which takes the application away from the number's messages.",
    ),
    "webhook_method": Trouble(
        "Texts to this number are sent by GET.", "Choose Configure, or set the method to POST in Twilio."
    ),
    "channel_disconnected": Trouble("The channel is disconnected.", "Connect it again first."),
    "already_owned": Trouble(
        "The account has this number already, so nothing was bought.", "Connect the number instead."
    ),
    "not_ordered": Trouble(
        "Twilio could not be reached, so nothing was ordered.", "Try again in a few minutes."
    ),
    "not_bought": Trouble(
        "Twilio did not answer the order and does not list the number, so it was not bought.",
        "Search again and buy this or another number.",
    ),
    "fate_unknown": Trouble(
        "Twilio did not answer the order, and what became of it cannot be found out.",
        "Look at the numbers of your account in Twilio. If it is there, connect it.",
    ),
    "twilio": Trouble("Twilio did not answer.", "Try again in a few minutes."),
    "key_service": Trouble(
        "The key service that guards the credentials did not answer.", "Try again in a few minutes."
    ),
    "seal_broken": Trouble("The stored credentials cannot be read.", "Replace the channel's auth token."),
    "seal_key_unknown": Trouble(
        "The key that guards the credentials is not at hand.",
        "Ask support; nothing needs to be entered again.",
    ),
    "seal_key_refused": Trouble(
        "The key that guards the credentials cannot be used.",
        "Ask support; nothing needs to be entered again.",
    ),
    "overtaken": Trouble("The channel was changed again and again meanwhile.", "Try again in a minute."),
    "broken": Trouble("Something broke on our side.", "It has been reported. Try again later."),
}
