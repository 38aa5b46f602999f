"""What becomes of a lead that has come with its answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from leadsrally.consent.change import address_hashes
from leadsrally.consent.erased import erased_since
from leadsrally.contacts.fields import Value, check_values, definitions
from leadsrally.contacts.meet import Introduction, meet
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Unavailable
from leadsrally.messaging.leads import store as lead_store
from leadsrally.messaging.leads.age import AboutAge, about_age, may_be_under_age
from leadsrally.messaging.leads.agree import record_consent
from leadsrally.messaging.leads.first_message import ask_for_first_message
from leadsrally.messaging.leads.form_store import KnownForm
from leadsrally.messaging.leads.mapping import AGE, BIRTH_DATE, Sorted, sort_answers, target_of
from leadsrally.messaging.leads.types import Lead, Question, State

# What Meta's testing tool fills in where nobody writes anything: https://developers.facebook.com/tools/lead-ads-testing
_DUMMY = "<test lead:"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a lead has come to. Without a contact: a test, under age, erased since, or nobody who can be reached."""

    state: State
    contact_id: UUID | None = None


def take_lead(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    lead_id: UUID,
    lead: Lead,
    form: KnownForm,
    *,
    test: bool,
    now: datetime,
) -> Taken | None:
    """Write down what was answered, whose answer it is and what they agreed to; None when that was done before.

    Of somebody who is, or may be, under sixteen nothing is kept but that there was a lead (P9.1). A test makes no
    contact. A person who has left a lead before, or written to us, stays one contact; one who was erased after this was
    left is not made anew of it, and nothing of it is kept (P7.2). Where the form says so, they are written to at once.
    Raises `Unavailable` when the person is erased in this moment: it is to be taken again.
    """
    if lead_store.lock(tx, organization_id, lead_id) not in ("queued", "failed", "refused_page"):
        return None
    on = (lead.submitted_at or now).date()
    if is_under_age(form, lead, on=on):
        lead_store.refused(
            tx, organization_id, lead_id, lead, "refused_age", form_id=form.id, test=test, now=now
        )
        return Taken("refused_age")
    told = sort_answers(_complete(form, lead), lead.answers, region_of(tx, organization_id, form))
    if not test and _was_erased(tx, hashes, organization_id, lead, told, now):
        lead_store.refused(
            tx, organization_id, lead_id, lead, "refused_erased", form_id=form.id, test=test, now=now
        )
        return Taken("refused_erased")
    contact_id = None if test else _meet(tx, hashes, organization_id, lead_id, lead, form, told, now)
    lead_store.fetched(
        tx,
        organization_id,
        lead_id,
        lead,
        channel_id=form.channel_id,
        form_id=form.id,
        contact_id=contact_id,
        test=test,
        now=now,
    )
    if contact_id is not None and form.first_message is not None:
        ask_for_first_message(tx, organization_id, lead_id, lead, now=now)
    return Taken("fetched", contact_id)


def is_test(lead: Lead, at_provider: frozenset[str]) -> bool:
    """Whether somebody left it to try the form. `at_provider`: the ids of what the provider calls test leads.

    A test lead that was taken away there is known by what the testing tool fills in.
    """
    return lead.id in at_provider or any(
        value.startswith(_DUMMY) for answer in lead.answers for value in answer.values
    )


def is_under_age(form: KnownForm, lead: Lead, *, on: date) -> bool:
    """Whether an answer says so. Asked are all questions about age, wherever their answers were told to go."""
    questions = {question.key: question for question in form.asked()}
    for answer in lead.answers:
        question = questions.get(answer.key) or Question(answer.key, answer.key, "CUSTOM")
        about = _about(question, form.mapping)
        if about is not None and may_be_under_age(about, f"{question.key} {question.label}", answer, on):
            return True
    return False


def _about(question: Question, mapping: Mapping[str, str]) -> AboutAge | None:
    match mapping.get(question.key):
        case "age":
            return AGE
        case "birth_date":
            return BIRTH_DATE
        case _:
            return about_age(question)


def _meet(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    lead_id: UUID,
    lead: Lead,
    form: KnownForm,
    told: Sorted,
    now: datetime,
) -> UUID | None:
    if told.phone is None and not told.email:
        return None
    person = Introduction(told.phone, told.email, told.name, _fields(tx, organization_id, told))
    contact_id = meet(tx, organization_id, person, now=now)
    # Meeting them may have waited for their erasure, and then made them anew.
    if _was_erased(tx, hashes, organization_id, lead, told, now):
        raise Unavailable("The person is being erased. The lead is looked at again in a moment.", code="busy")
    record_consent(tx, hashes, organization_id, contact_id, lead_id, lead, form, told, now=now)
    return contact_id


def _was_erased(
    tx: Tx, hashes: KeyedHash, organization_id: UUID, lead: Lead, told: Sorted, now: datetime
) -> bool:
    """Whether somebody with this number or address was erased after the lead was left."""
    addresses = [address for address in (told.phone, told.email.lower() if told.email else None) if address]
    known_as = address_hashes(hashes, organization_id, addresses)
    return erased_since(tx, organization_id, known_as, lead.submitted_at or now)


def _fields(tx: Tx, organization_id: UUID, told: Sorted) -> dict[str, Value]:
    """By slot, the values that fit their fields. The others stay with the lead alone."""
    if not told.fields:
        return {}
    checked = check_values(definitions(tx, organization_id), told.fields)
    return {slot: value for slot, value in checked.values.items() if value is not None}


def _complete(form: KnownForm, lead: Lead) -> dict[str, str]:
    """The mapping, and for keys that the form does not list (it may have been changed) what they say themselves."""
    asked = {question.key for question in form.asked()}
    unlisted = (answer.key for answer in lead.answers if answer.key not in asked)
    guessed = {key: target for key in unlisted if (target := target_of(Question(key, key, "CUSTOM")))}
    return {**guessed, **form.mapping}


_COUNTRY = """
SELECT country
  FROM organizations
 WHERE id = %(organization_id)s
"""


def region_of(tx: Tx, organization_id: UUID, form: KnownForm) -> str:
    """The region of numbers without a country code: what is set for the form, else for the organisation."""
    return form.country or tx.value(_COUNTRY, {"organization_id": organization_id})
