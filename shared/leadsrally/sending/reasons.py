"""What each rule of the gate means, in a sentence for whoever asks why a message went or did not. Data only."""

from typing import Final

SENTENCES: Final[dict[str, str]] = {
    "permitted": "It was sent: nothing spoke against it.",
    "organization_paused": "It was not sent: the account is paused.",
    "organization_leaving": "It waits: the account is being deleted. It goes if that is undone in time.",
    "restricted": "It was not sent: the contact's data is restricted and may only be kept (GDPR Art. 18).",
    "channel_disconnected": "It was not sent: the channel is disconnected.",
    "no_address": "It was not sent: the contact has no number for this kind of channel.",
    "expired": "It was not sent: its turn came after the time until which it was worth sending.",
    "paused_for_review": "It was not sent: the contact may want no more messages, and nobody has looked yet.",
    "suppressed": "It was not sent: this number has opted out, before the contact was made or by another one.",
    "no_marketing_consent": "It was not sent: it is an offer, and no consent to offers is on record.",
    "window_closed": "It was not sent: the contact last wrote more than 24 hours before. A template may go.",
    "file_gone": "It was not sent: a file of it is no longer there.",
    "daily_cap": "It was not sent: the contact has had as many messages in 24 hours as you allow.",
    "offers_cap": "The contact has had as many offers in 24 hours as you allow; it waits until there is room.",
    "never_open": "It was not sent: there is no time of day at which an offer may go to this contact.",
    "opens_too_late": "It was not sent: by the time at which an offer may go to this contact it would be too old.",
    "quiet_hours": "It waits: an offer may not go at this time of the contact's day.",
    "provider_asked_to_slow_down": "It waits: the provider asked this channel to slow down.",
    "too_many_to_one_person": "It waits: WhatsApp takes so many messages to one person and no more at a time.",
    "withheld_by_whatsapp": "It waits: WhatsApp holds offers to this person back for a day.",
    "template_deleted": "It was not sent: its template is gone.",
    "template_changed": "It was not sent: its template was changed and wants other values.",
    "template_recategorised": "It was not sent: WhatsApp now calls its template an offer.",
}
OTHER_TEMPLATE: Final = "It was not sent: WhatsApp does not let its template be used."
OTHER: Final = "The send gate decided by this rule."

OPTED_OUT: Final[dict[str, str]] = {
    "keyword": "a word such as STOP in a message of theirs",
    "phrase": "a message of theirs that refused in other words",
    "link": "the unsubscribe link",
    "provider": "the provider, whom they told",
    "provider_error": "the provider, which refused a message for it",
    "ai": "a message of theirs as the model read it",
    "staff": "a colleague, who wrote it down",
    "api": "a program of yours",
    "import": "an imported list",
    "lead_form": "a lead form",
}
KNOWN_BY: Final[dict[str, str]] = {
    "contact": "the time zone in the contact's record",
    "number": "the area or country of the number",
    "organization": "your own time zone, since neither record nor number tells where the contact is",
}


def sentence(rule: str) -> str:
    """What a rule means."""
    if rule in SENTENCES:
        return SENTENCES[rule]
    if rule.startswith("opted_out_by_"):
        source = rule.removeprefix("opted_out_by_")
        return f"It was not sent: the contact has opted out, by {OPTED_OUT.get(source, source)}."
    return OTHER_TEMPLATE if rule.startswith("template_") else OTHER
