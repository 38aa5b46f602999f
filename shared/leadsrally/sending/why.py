"""Why a message went, waits or was refused: read from what was stored when it was decided, not decided again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from leadsrally.consent import ledger
from leadsrally.consent.types import Action
from leadsrally.kit.db import Tx
from leadsrally.sending import reasons

_DID: Final[dict[Action, str]] = {
    "grant": "agreed",
    "revoke": "opted out",
    "pause": "was put on hold",
    "resume": "was taken off hold",
    "lapse": "began anew",
}
_MESSAGE = """
SELECT direction, purpose, status, verdict
  FROM messages
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
"""


@dataclass(frozen=True, slots=True)
class _Message:
    direction: str
    purpose: str
    status: str
    verdict: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Why:
    """`explanation`: in sentences. `verdict`: as stored. `consent`: the ledger's rows that stood then."""

    direction: str
    purpose: str
    status: str
    explanation: list[str]
    verdict: dict[str, Any] | None
    consent: list[dict[str, Any]]


def why(tx: Tx, organization_id: UUID, message_id: UUID) -> Why | None:
    """None: there is no such message."""
    message = tx.maybe(_Message, _MESSAGE, {"organization_id": organization_id, "message_id": message_id})
    if message is None:
        return None
    verdict = message.verdict or {}
    basis: Mapping[str, Any] = verdict.get("basis", {})
    stood = [UUID(told["event_id"]) for told in basis.get("consent", ()) if told["event_id"] != "None"]
    consent = ledger.these(tx, organization_id, stood)
    return Why(
        message.direction,
        message.purpose,
        message.status,
        _explained(message, verdict, basis, consent),
        message.verdict,
        consent,
    )


def _explained(
    message: _Message,
    verdict: Mapping[str, Any],
    basis: Mapping[str, Any],
    consent: Sequence[Mapping[str, Any]],
) -> list[str]:
    if message.direction == "inbound":
        return ["The contact wrote this; nothing had to be decided."]
    if not verdict:
        return ["It waits for its turn; nothing has been decided yet."]
    told = [reasons.sentence(verdict["rule"])]
    told += [f"Before that it waited: {_lower(reasons.sentence(held['rule']))}" for held in _held(verdict)]
    told += map(_of_consent, consent)
    told += [
        f"An opt-out of {kept['since'][:10]}, by {reasons.OPTED_OUT.get(kept['source'], kept['source'])}, holds for "
        "what the contact is reached by."
        for kept in basis.get("suppressed", ())
    ]
    if basis and not consent and not basis.get("suppressed"):
        told.append("Nothing about permission was on record at that time.")
    if "hours" in basis:
        told += _of_hours(basis["hours"])
    if "sent_today" in basis:
        told.append(
            f"In the 24 hours before it {basis['sent_today']} messages went to the contact; you allow "
            f"{basis['daily_cap']}."
        )
    return told


def _held(verdict: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return verdict.get("held", ())


def _lower(text: str) -> str:
    return text.removeprefix("It waits: ")


def _of_consent(event: Mapping[str, Any]) -> str:
    did = _DID[event["action"]]
    what = {"all": "all messages", "service": "service messages", "marketing": "offers"}[event["purpose"]]
    by = reasons.OPTED_OUT.get(event["source"], event["source"])
    return f"The contact {did} ({what}) on {event['occurred_at']:%Y-%m-%d %H:%M} UTC, by {by}."


def _of_hours(hours: Mapping[str, Any]) -> list[str]:
    where = f" in {' and '.join(hours['regions'])}" if hours["regions"] else ""
    told = [f"Where the contact is{where} is known by {reasons.KNOWN_BY[hours['known_by']]}."]
    for window in hours["windows"]:
        by = f" ({'; '.join(window['sources'])})" if window["sources"] else ""
        told.append(
            f"On {window['day']} in {window['zone']} offers may go from {window['opens']} to {window['closes']}{by}."
        )
    if hours["opens_at"]:
        told.append(f"The next time at which they may go everywhere there: {hours['opens_at']}.")
    return told
