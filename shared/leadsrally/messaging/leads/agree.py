"""What somebody agreed to by leaving a lead, with the form's own words as proof (docs/decisions/0017).

A tick is a yes to offers by the kinds of channel that the checkbox is set to mean. Leaving a lead without one asks for
an answer and for nothing else. Neither ever ends an opt-out: the worst that comes of it is a row of evidence (S7).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.consent.types import ChannelKind, Evidence, Wanted
from leadsrally.contacts.opt_in import opt_in
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging.leads.form_store import KnownForm
from leadsrally.messaging.leads.mapping import KINDS, Sorted
from leadsrally.messaging.leads.types import Checkbox, Disclaimer, Lead

_LONGEST: Final = 8_000  # characters of a wording, as the ledger keeps it
_NOTHING: Final = Disclaimer("", "", ())


def record_consent(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    contact_id: UUID,
    lead_id: UUID,
    lead: Lead,
    form: KnownForm,
    told: Sorted,
    *,
    now: datetime,
) -> None:
    """Write into the ledger, for each kind of channel that the person can be reached by, what they agreed to and when."""
    legal = form.legal() or _NOTHING
    at = min(lead.submitted_at or now, now)

    def agreed(kind: ChannelKind, purpose: Wanted, words: str) -> None:
        evidence = Evidence(
            "lead_form", at, method="lead_form", wording=words[:_LONGEST], reference=f"lead {lead_id}"
        )
        opt_in(tx, hashes, organization_id, contact_id, kind, purpose, evidence, now=now)

    for kind in reached_by(told):
        ticked = [box for box in agreements(legal, lead) if kind in form.consents.get(box.key, ())]
        if ticked:
            agreed(kind, "marketing", wording(form, legal, ticked))
        if kind != "whatsapp" or ticked:  # WhatsApp wants a yes that names it, also for an answer
            agreed(kind, "service", wording(form, legal, ticked))


def reached_by(told: Sorted) -> list[ChannelKind]:
    """The kinds of channel that lead to what was left: a number, an address, or both."""
    return [kind for kind in KINDS if (told.email if kind == "email" else told.phone)]


def agreements(legal: Disclaimer, lead: Lead) -> list[Checkbox]:
    """The checkboxes that the person ticked. One that was ticked from the start says nothing (CJEU C-673/17)."""
    return [box for box in legal.checkboxes if box.key in lead.ticked and not box.ticked_before]


def wording(form: KnownForm, legal: Disclaimer, ticked: Iterable[Checkbox]) -> str:
    """What the person was shown, and of the checkboxes those that they ticked."""
    shown = [
        form.name,
        legal.title,
        legal.text,
        *(f"[x] {box.text}" for box in ticked),
        form.privacy_url or "",
    ]
    return "\n".join(line for line in shown if line.strip()) or form.provider_form_id
