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
    "seal_broken": Trouble(
        "The stored credentials cannot be read.", "Enter the channel's credentials again."
    ),
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
    # -- a WhatsApp number or a page
    "meta": Trouble("Meta did not answer.", "Try again in a few minutes."),
    "app_unknown": Trouble(
        "It is not known by which app the channel is connected.", "Disconnect it and connect it again."
    ),
    "app_refused": Trouble(
        "Meta does not accept the app's id and secret together.",
        "Copy the app secret from the app's basic settings in Meta and replace the channel's.",
    ),
    "token_of_other_app": Trouble(
        "The access token was made for another app.", "Make one for the app that the channel is connected by."
    ),
    "token_of_other_page": Trouble(
        "The access token is another page's.", "Make one for the page that the channel reads."
    ),
    "token_expires_soon": Trouble(
        "The access token expires within two weeks.",
        "Make a new one in Meta's business settings and replace it here, best one that never expires.",
    ),
    "scope_missing": Trouble(
        "The access token does not have this permission.",
        "Give it to the app and to whoever the token belongs to, make a new token and replace it here.",
    ),
    "account_not_found": Trouble(
        "The access token does not reach this WhatsApp Business account.",
        "Check the account's id, and assign the account to the system user whose token this is.",
    ),
    "number_not_in_account": Trouble(
        "The WhatsApp Business account does not have this number.",
        "Check the phone number id, and connect the number with the account that it is in.",
    ),
    "not_registered": Trouble(
        "The number is not registered with the Cloud API, so nothing passes.",
        "Register it in WhatsApp Manager, then test again.",
    ),
    "number_restricted": Trouble(
        "WhatsApp has flagged, slowed down or restricted the number.",
        "Look at the number in WhatsApp Manager and follow what it says.",
    ),
    "sending_blocked": Trouble(
        "WhatsApp lets the number send nothing.",
        "Look at the account's health in WhatsApp Manager and follow what it says.",
    ),
    "sending_limited": Trouble(
        "WhatsApp lets the number send only in part.",
        "Look at the account's health in WhatsApp Manager and follow what it says.",
    ),
    "name_not_approved": Trouble(
        "WhatsApp has not approved the name that people see.",
        "Look at the display name in WhatsApp Manager and change it if it was declined.",
    ),
    "quality_low": Trouble(
        "People block or report the number's messages, so WhatsApp may limit it.",
        "Write less often, and only to people who expect it; look at each template's quality.",
    ),
    "page_not_found": Trouble(
        "The access token does not reach this page.", "Check the page's id, and use a token of the page."
    ),
    "forms_withheld": Trouble(
        "The page's lead forms cannot be read.",
        "Give the app access to leads, in the page's Leads Access Manager at Meta.",
    ),
    "callback_missing": Trouble(
        "The app sends its news to nobody.",
        "Choose Configure, or enter the channel's webhook address in the app's webhook settings.",
    ),
    "callback_elsewhere": Trouble(
        "The app sends its news to another address.",
        "Choose Configure, or enter the channel's webhook address in the app's webhook settings.",
    ),
    "fields_missing": Trouble(
        "The app is not subscribed to all news that the channel needs.",
        "Choose Configure, or subscribe to the fields named here in the app's webhook settings.",
    ),
    "not_subscribed": Trouble(
        "The app is not installed on the account or page, so no news of it is sent.", "Choose Configure."
    ),
    "not_challenged": Trouble(
        "Meta has not yet made sure of the webhook's address.",
        "Choose Configure, or enter address and verify token in the app's webhook settings.",
    ),
}
