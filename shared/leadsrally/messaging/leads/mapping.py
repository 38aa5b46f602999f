"""Where the answers to a form's questions go: what we suggest, what a customer may set, and what comes of it."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from leadsrally.consent.types import ChannelKind
from leadsrally.kit.errors import Invalid
from leadsrally.kit.phone import read
from leadsrally.messaging.leads.age import about_age
from leadsrally.messaging.leads.types import Answer, Checkbox, Consents, Form, Mapped, Question

NAME, FIRST_NAME, LAST_NAME = "name", "first_name", "last_name"
PHONE, EMAIL = "phone", "email"
AGE, BIRTH_DATE = "age", "birth_date"
IGNORE: Final = "ignore"
"""Kept with the lead, and nowhere else."""
FIELD: Final = "field:"
"""Before the key of one of the customer's own fields."""
TARGETS: Final = (NAME, FIRST_NAME, LAST_NAME, PHONE, EMAIL, AGE, BIRTH_DATE, IGNORE)
KINDS: Final[tuple[ChannelKind, ...]] = ("sms", "whatsapp", "email")

# The provider's standard questions, by their kind and by the key that they have unless somebody changed it.
# https://developers.facebook.com/docs/marketing-api/guides/lead-ads/create
_STANDARD: Final[Mapping[str, str]] = {
    "full_name": NAME,
    "first_name": FIRST_NAME,
    "last_name": LAST_NAME,
    "phone": PHONE,
    "phone_number": PHONE,
    "work_phone_number": PHONE,
    "whatsapp_number": PHONE,
    "email": EMAIL,
    "work_email": EMAIL,
}
# Localised and custom questions: what their key or label is, with or without "your" before it. In English, German,
# Spanish, Portuguese, French and Italian.
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    FIRST_NAME: (
        "first name",
        "vorname",
        "nombre de pila",
        "primer nombre",
        "primeiro nome",
        "prénom",
        "prenom",
    ),
    LAST_NAME: (
        *("last name", "surname", "family name", "nachname", "apellidos?", "sobrenome", "apelido"),
        *("nom de famille", "cognome"),
    ),
    NAME: (
        *("(full )?name", "vollständiger name", "nombre( completo| y apellidos)?", "nome( completo)?"),
        "nom( complet)?",
    ),
    PHONE: (
        *("(mobile |cell )?(tele)?phone( number)?", "mobile( number)?", "whatsapp( number)?"),
        *("telefon(nummer)?", "handynummer", "mobilnummer", "(número de )?(teléfono|telefone|celular)"),
        *("(numéro de )?téléphone", "(numero di )?telefono"),
    ),
    EMAIL: (
        *("e ?mail( address| adresse)?", "correo( electrónico)?", "endereço de e ?mail", "adresse e ?mail"),
        *("courriel", "indirizzo e ?mail"),
    ),
}
_WORDED: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (
        re.compile(rf"((your|ihre?|dein|su|tu|seu|sua|votre|il tuo) )?({'|'.join(words)})\W*", re.IGNORECASE),
        target,
    )
    for target, words in _WORDS.items()
)
# A kind of channel that a wording names.
_NAMED: Final[Mapping[ChannelKind, re.Pattern[str]]] = {
    "sms": re.compile(
        r"\b(sms|mms|text (me|messag\w+)|texting|(by|via|get|receive|send me|marketing) texts?|textnachrichten?|"
        r"kurznachrichten?|mensajes? de texto|mensage(m|ns) de texto|messages? texte|messaggi di testo)\b",
        re.IGNORECASE,
    ),
    "whatsapp": re.compile(r"\bwhats ?app\b", re.IGNORECASE),
    "email": re.compile(r"\b(e-?mails?|correos?( electrónicos?)?|courriels?|newsletter)\b", re.IGNORECASE),
}


def suggest(questions: Iterable[Question]) -> dict[str, str]:
    """Where answers should go, as far as their questions tell. No target is suggested twice but by standard keys."""
    mapping: dict[str, str] = {}
    for question in questions:
        target = target_of(question)
        if target is not None and target not in mapping.values():
            mapping[question.key] = target
    return mapping


def target_of(question: Question) -> str | None:
    """Where the answer to one question should go, or None when that cannot be told."""
    for word in (question.kind.lower(), question.key.lower()):
        if word in _STANDARD:
            return _STANDARD[word]
    about = about_age(question)
    if about is not None:
        return about
    for words in (question.key, question.label):
        plain = re.sub(r"[-_\s]+", " ", words).strip(" ?:*")
        for pattern, target in _WORDED:
            if pattern.fullmatch(plain):
                return target
    return None


def suggest_consents(form: Form) -> dict[str, list[ChannelKind]]:
    """For each checkbox of the disclaimer, the kinds of channel that its own wording names."""
    boxes: tuple[Checkbox, ...] = () if form.disclaimer is None else form.disclaimer.checkboxes
    return {box.key: [kind for kind in KINDS if _NAMED[kind].search(box.text)] for box in boxes}


def check(
    questions: Collection[str],
    mapping: Mapped,
    checkboxes: Collection[str],
    consents: Consents,
    fields: Collection[str],
) -> None:
    """Raise `Invalid` for a question, a checkbox or a target that there is not. `fields`: the customer's own."""
    if not set(mapping) <= set(questions):
        raise Invalid("The mapping names a question that the form does not have.", code="unknown_question")
    if not set(consents) <= set(checkboxes):
        raise Invalid("The consents name a checkbox that the form does not have.", code="unknown_checkbox")
    for target in mapping.values():
        if target not in TARGETS and not (target.startswith(FIELD) and target.removeprefix(FIELD) in fields):
            raise Invalid(
                f"An answer can go to {', '.join(TARGETS)}, or field: and the key of a field.",
                code="unknown_target",
            )


@dataclass(frozen=True, slots=True)
class Sorted:
    """What the answers of one lead say about their person."""

    name: str = ""
    phone: str | None = None  # E.164
    email: str = ""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])  # by the key of the customer's field


_MAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_SPACE: Final = re.compile(r"\s+")


def sort_answers(mapping: Mapped, answers: Iterable[Answer], country: str) -> Sorted:
    """Read the answers where the mapping says they go. What cannot be read as what it should be is left out.

    `country` is the region of numbers that were given without a country code. Of several answers for one thing
    the first that can be read counts. A full name goes before one that is joined of two.
    """
    told: dict[str, list[str]] = {}
    for answer in answers:
        target = mapping.get(answer.key)
        if target is not None and answer.text.strip():
            told.setdefault(target, []).append(answer.text.strip())
    parts = [told[part][0] for part in (FIRST_NAME, LAST_NAME) if part in told]
    names = [*told.get(NAME, []), " ".join(parts)]
    phones = (read(given, country) for given in told.get(PHONE, []))
    mails = (given for given in told.get(EMAIL, []) if len(given) <= 320 and _MAIL.fullmatch(given))
    return Sorted(
        name=_SPACE.sub(" ", names[0])[:200],
        phone=next((phone for phone in phones if phone is not None), None),
        email=next(mails, ""),
        fields={
            target.removeprefix(FIELD): values[0]
            for target, values in told.items()
            if target.startswith(FIELD)
        },
    )
