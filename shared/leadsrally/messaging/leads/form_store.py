"""Lead forms, as they are written, and how far each was read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.consent.types import ChannelKind
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id
from leadsrally.messaging.leads.mapping import suggest, suggest_consents
from leadsrally.messaging.leads.types import Checkbox, Disclaimer, Form, FormState, Question, Reading


@dataclass(frozen=True, slots=True)
class KnownForm:
    """Our copy of a form, with what the customer has set."""

    id: UUID
    channel_id: UUID
    provider_form_id: str
    name: str
    locale: str
    state: FormState
    questions: list[dict[str, Any]]
    disclaimer: dict[str, Any] | None
    privacy_url: str | None
    mapping: dict[str, str]
    consents: dict[str, list[ChannelKind]]
    country: str | None
    first_message: dict[str, Any] | None
    version: int
    synced_at: datetime
    read_through: datetime | None

    def asked(self) -> tuple[Question, ...]:
        """Its questions as values."""
        return tuple(Question(**one) for one in self.questions)

    def legal(self) -> Disclaimer | None:
        """Its own legal wording as a value."""
        if self.disclaimer is None:
            return None
        boxes = tuple(Checkbox(**one) for one in self.disclaimer["checkboxes"])
        return Disclaimer(self.disclaimer["title"], self.disclaimer["text"], boxes)


_BY_PROVIDER_ID = """
SELECT id, channel_id, provider_form_id, name, locale, state, questions, disclaimer, privacy_url, mapping, consents,
       country, first_message, version, synced_at, read_through
  FROM lead_forms
 WHERE organization_id = %(organization_id)s
   AND channel_id = %(channel_id)s
   AND provider_form_id = %(provider_form_id)s
"""


def by_provider_id(
    tx: Tx, organization_id: UUID, channel_id: UUID, provider_form_id: str
) -> KnownForm | None:
    return tx.maybe(
        KnownForm,
        _BY_PROVIDER_ID,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "provider_form_id": provider_form_id,
        },
    )


_BY_ID = """
SELECT id, channel_id, provider_form_id, name, locale, state, questions, disclaimer, privacy_url, mapping, consents,
       country, first_message, version, synced_at, read_through
  FROM lead_forms
 WHERE organization_id = %(organization_id)s
   AND id = %(form_id)s
"""


def by_id(tx: Tx, organization_id: UUID, form_id: UUID) -> KnownForm | None:
    return tx.maybe(KnownForm, _BY_ID, {"organization_id": organization_id, "form_id": form_id})


# A question that is new gets the place that we suggest; what is set stays, be it by us or by the customer.
_WRITE = """
INSERT INTO lead_forms AS f (
    organization_id, id, channel_id, provider_form_id, name, locale, state, questions, disclaimer, privacy_url,
    mapping, consents, created_at, synced_at
)
VALUES (
    %(organization_id)s, %(id)s, %(channel_id)s, %(provider_form_id)s, %(name)s, %(locale)s, %(state)s, %(questions)s,
    %(disclaimer)s, %(privacy_url)s, %(mapping)s, %(consents)s, %(now)s, %(now)s
)
ON CONFLICT (organization_id, channel_id, provider_form_id)
DO UPDATE SET name = excluded.name,
              locale = excluded.locale,
              state = excluded.state,
              questions = excluded.questions,
              disclaimer = excluded.disclaimer,
              privacy_url = excluded.privacy_url,
              synced_at = excluded.synced_at,
              mapping = f.mapping || (
                  SELECT coalesce(jsonb_object_agg(s.key, s.value), '{}')
                    FROM jsonb_each(excluded.mapping) AS s
                   WHERE NOT EXISTS (SELECT 1
                                       FROM jsonb_array_elements(f.questions) AS q
                                      WHERE q ->> 'key' = s.key)),
              consents = excluded.consents || f.consents
RETURNING id, channel_id, provider_form_id, name, locale, state, questions, disclaimer, privacy_url, mapping, consents,
          country, first_message, version, synced_at, read_through
"""


def write(tx: Tx, organization_id: UUID, channel_id: UUID, form: Form, *, now: datetime) -> KnownForm:
    """Bring our copy up to date, or make it. Nothing that the customer has set is changed."""
    disclaimer = None if form.disclaimer is None else Jsonb(asdict(form.disclaimer))
    return tx.one(
        KnownForm,
        _WRITE,
        {
            "organization_id": organization_id,
            "id": new_id(now),
            "channel_id": channel_id,
            "provider_form_id": form.id,
            "name": form.name,
            "locale": form.locale,
            "state": form.state,
            "questions": Jsonb([asdict(question) for question in form.questions]),
            "disclaimer": disclaimer,
            "privacy_url": form.privacy_url,
            "mapping": Jsonb(suggest(form.questions)),
            "consents": Jsonb(suggest_consents(form)),
            "now": now,
        },
    )


# A form that the page does not list any more may still have had leads: it is kept, and read no more.
_MARK_GONE = """
UPDATE lead_forms
   SET state = 'deleted', reading_since = NULL, reading_begun_at = NULL, reading_for = NULL, reading_after = NULL
 WHERE organization_id = %(organization_id)s
   AND channel_id = %(channel_id)s
   AND state <> 'deleted'
   AND NOT (provider_form_id = ANY (%(present)s))
"""


def mark_gone(tx: Tx, organization_id: UUID, channel_id: UUID, present: Sequence[str]) -> None:
    tx.run(
        _MARK_GONE,
        {"organization_id": organization_id, "channel_id": channel_id, "present": list(present)},
    )


# -- what the customer sets -------------------------------------------------------------------------------------

_EDIT = """
UPDATE lead_forms
   SET mapping = %(mapping)s, consents = %(consents)s, country = %(country)s, first_message = %(first_message)s,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(form_id)s
   AND version = %(version)s
"""


def edit(
    tx: Tx,
    organization_id: UUID,
    form_id: UUID,
    *,
    version: int,
    mapping: Mapping[str, str],
    consents: Mapping[str, Sequence[ChannelKind]],
    country: str | None,
    first_message: Mapping[str, Any] | None,
) -> bool:
    """False: somebody else was quicker."""
    return (
        tx.run(
            _EDIT,
            {
                "organization_id": organization_id,
                "form_id": form_id,
                "version": version,
                "mapping": Jsonb(dict(mapping)),
                "consents": Jsonb({key: list(kinds) for key, kinds in consents.items()}),
                "country": country,
                "first_message": None if first_message is None else Jsonb(dict(first_message)),
            },
        )
        > 0
    )


# -- how far it was read ----------------------------------------------------------------------------------------

# A backfill asks for all that there is; a catching-up goes on from the last reading that came to its end, with an
# overlap. A reading under way is not begun again, unless a backfill is asked for while one catches up.
_BEGIN = """
UPDATE lead_forms
   SET reading_since = CASE WHEN %(reading)s = 'backfill' OR read_through IS NULL
                            THEN %(earliest)s
                            ELSE greatest(read_through - %(overlap)s::interval, %(earliest)s) END,
       reading_begun_at = %(now)s,
       reading_for = %(reading)s,
       reading_after = NULL
 WHERE organization_id = %(organization_id)s
   AND channel_id = %(channel_id)s
   AND state <> 'deleted'
   AND (reading_for IS NULL OR (reading_for = 'catch_up' AND %(reading)s = 'backfill'))
"""

_UNDER_WAY = """
SELECT id
  FROM lead_forms
 WHERE organization_id = %(organization_id)s
   AND channel_id = %(channel_id)s
   AND reading_for IS NOT NULL
 ORDER BY id
"""


def begin(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    reading: Reading,
    *,
    earliest: datetime,
    overlap: Any,
    now: datetime,
) -> list[UUID]:
    """Begin to read every form of the page; returns those that are to be read now, whoever began it."""
    place = {"organization_id": organization_id, "channel_id": channel_id}
    tx.run(_BEGIN, {**place, "reading": reading, "earliest": earliest, "overlap": overlap, "now": now})
    return list(tx.values(_UNDER_WAY, place))


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A reading that is to go on."""

    since: datetime
    begun_at: datetime
    reading: Reading
    after: str | None


_READING = """
SELECT reading_since AS since, reading_begun_at AS begun_at, reading_for AS reading, reading_after AS after
  FROM lead_forms
 WHERE organization_id = %(organization_id)s
   AND id = %(form_id)s
   AND reading_for IS NOT NULL
"""


def reading(tx: Tx, organization_id: UUID, form_id: UUID) -> UnderWay | None:
    return tx.maybe(UnderWay, _READING, {"organization_id": organization_id, "form_id": form_id})


# By the moment of its beginning: a reading that was begun anew meanwhile is not moved by the old one.
_GO_ON = """
UPDATE lead_forms
   SET reading_after = %(after)s
 WHERE organization_id = %(organization_id)s
   AND id = %(form_id)s
   AND reading_begun_at = %(begun_at)s
"""

_COME_TO_END = """
UPDATE lead_forms
   SET read_through = greatest(read_through, reading_begun_at), reading_since = NULL, reading_begun_at = NULL,
       reading_for = NULL, reading_after = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(form_id)s
   AND reading_begun_at = %(begun_at)s
"""


_AGAIN = """
UPDATE lead_forms
   SET reading_after = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(form_id)s
   AND reading_begun_at = %(begun_at)s
"""


def read_again(tx: Tx, organization_id: UUID, form_id: UUID, at: UnderWay) -> None:
    """Let the reading start over."""
    tx.run(_AGAIN, {"organization_id": organization_id, "form_id": form_id, "begun_at": at.begun_at})


def read_up_to(tx: Tx, organization_id: UUID, form_id: UUID, at: UnderWay, after: str | None) -> None:
    """Everything up to the cursor `after` has a row; None: everything that the reading was begun for."""
    place = {"organization_id": organization_id, "form_id": form_id, "begun_at": at.begun_at}
    if after is None:
        tx.run(_COME_TO_END, place)
    else:
        tx.run(_GO_ON, {**place, "after": after})
