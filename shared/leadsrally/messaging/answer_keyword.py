"""The two texts we send by ourselves, for senders whose provider does not: STOP's confirmation and HELP."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.consent import keywords, suppressions
from leadsrally.consent import store as consent_store
from leadsrally.consent.permission import opted_out
from leadsrally.consent.types import ChannelKind
from leadsrally.kit.db import Tx
from leadsrally.messaging.compose import queue_message

# 47 CFR 64.1200(a)(12): one confirmation, without marketing, presumed fine within five minutes of the STOP.
_CONFIRM_WITHIN = timedelta(minutes=5)


# Each says who writes, what is so from now on and the way back; nothing else is allowed in the first.
_STOPPED: Final[dict[str, str]] = {
    "en": "{name}: you are opted out and will get no more messages. Reply START to opt in again.",
    "es": "{name}: se ha dado de baja y no recibirá más mensajes. Responda START para volver a recibirlos.",
    "pt": "{name}: você foi descadastrado e não receberá mais mensagens. Responda START para voltar a receber.",
    "fr": "{name} : vous êtes désinscrit et ne recevrez plus de messages. Répondez START pour vous réinscrire.",
    "de": "{name}: Sie sind abgemeldet und erhalten keine Nachrichten mehr. Antworten Sie START, um sie wieder zu "
    "erhalten.",
    "it": "{name}: la disiscrizione è avvenuta, non riceverà più messaggi. Risponda START per riceverli di nuovo.",
}
_HELP: Final[dict[str, str]] = {
    "en": "{name}: help.{reach} Reply STOP to opt out.{rates}",
    "es": "{name}: ayuda.{reach} Responda STOP para darse de baja.{rates}",
    "pt": "{name}: ajuda.{reach} Responda STOP para se descadastrar.{rates}",
    "fr": "{name} : aide.{reach} Répondez STOP pour vous désinscrire.{rates}",
    "de": "{name}: Hilfe.{reach} Antworten Sie STOP, um sich abzumelden.{rates}",
    "it": "{name}: aiuto.{reach} Risponda STOP per disiscriversi.{rates}",
}
_REACH: Final[dict[str, str]] = {
    "en": " Contact: {contact}.",
    "es": " Contacto: {contact}.",
    "pt": " Contato: {contact}.",
    "fr": " Contact : {contact}.",
    "de": " Kontakt: {contact}.",
    "it": " Contatto: {contact}.",
}


@dataclass(frozen=True, slots=True)
class _Organization:
    name: str
    help_contact: str
    language: str
    stop_confirmation: str


_ORGANIZATION = """
SELECT name, help_contact, language, stop_confirmation
  FROM organizations
 WHERE id = %(organization_id)s
"""


def confirm_stop(
    tx: Tx, organization_id: UUID, conversation_id: UUID, word: str | None, *, now: datetime
) -> None:
    """Queue the one confirmation, in the customer's words if there are some, else in the language of the person's word.

    The caller asks for it only when the STOP changed something.
    """
    organization = tx.one(_Organization, _ORGANIZATION, {"organization_id": organization_id})
    queue_message(
        tx,
        organization_id,
        conversation_id,
        organization.stop_confirmation
        or _STOPPED[_language(word, organization)].format(name=organization.name),
        purpose="keyword",
        now=now,
        lifetime=_CONFIRM_WITHIN,
    )


def help_with(
    tx: Tx,
    organization_id: UUID,
    kind: ChannelKind,
    contact_id: UUID,
    addresses: Sequence[bytes],
    conversation_id: UUID,
    word: str | None,
    *,
    now: datetime,
) -> None:
    """Queue the HELP text: who we are, how to reach us, how to stop. Not for someone who has opted out."""
    standings = consent_store.standings(tx, organization_id, contact_id, kind)
    suppressed = suppressions.suppressed(tx, organization_id, kind, addresses, "service")
    if opted_out(standings, suppressed=suppressed):
        return
    organization = tx.one(_Organization, _ORGANIZATION, {"organization_id": organization_id})
    language = _language(word, organization)
    contact = organization.help_contact
    reach = _REACH[language].format(contact=contact) if contact else ""
    # What the carriers of the United States ask for, in their words.
    rates = " Msg & data rates may apply." if kind == "sms" and language == "en" else ""
    queue_message(
        tx,
        organization_id,
        conversation_id,
        _HELP[language].format(name=organization.name, reach=reach, rates=rates),
        purpose="keyword",
        now=now,
        lifetime=_CONFIRM_WITHIN,
    )


def _language(word: str | None, organization: _Organization) -> str:
    """That of the person's word where only one has it, else the organisation's."""
    languages = keywords.languages_of(word)
    return next(iter(languages)) if len(languages) == 1 else organization.language
