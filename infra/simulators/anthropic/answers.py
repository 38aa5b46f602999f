"""What the simulated model answers: simple rules over the contact's newest message.

Never a measure of quality. Every reason and every free text begins with `[simulated]`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MARK = "[simulated]"


@dataclass(frozen=True)
class Rule:
    """Words that give a message away, the intent they stand for (best name first) and how keen it sounds."""

    intents: tuple[str, ...]
    interest: int
    words: re.Pattern[str]
    suggestions: Mapping[str, tuple[str, ...]]


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)", re.IGNORECASE)


STOP = _words(
    r"stop (?:texting|messaging|contacting|sending|writing)",
    r"(?:don'?t|do not|never) (?:text|message|contact|write to|call) (?:me|us)?",
    r"(?:remove|delete) me",
    r"take me off",
    r"leave me alone",
    r"unsubscribe",
    r"^\s*stop\s*$",
    r"no más",
    r"no mas(?: mensajes)?",
    r"no me (?:escriban|escribas|manden|contacten|molesten)",
    r"d[ée]jen? de (?:escribir\w*|mandar\w*)",
)

RULES = (
    Rule(
        ("opt_out", "unsubscribe", "stop"),
        0,
        STOP,
        {
            "en": ("Understood. We won't message you again.",),
            "es": ("Entendido. No le escribiremos más.",),
        },
    ),
    Rule(
        ("not_interested", "disinterest", "rejection"),
        5,
        _words(
            "not interested",
            "no interest",
            "no thanks",
            "no thank you",
            "wrong number",
            "already (?:bought|have one)",
            "no me interesa",
            "no gracias",
        ),
        {
            "en": ("Thanks for letting us know. Have a good day.",),
            "es": ("Gracias por avisarnos. Que tenga un buen día.",),
        },
    ),
    Rule(
        ("complaint", "problem", "support"),
        20,
        _words(
            "complain\\w*",
            "broken",
            "refund",
            "terrible",
            "awful",
            "unacceptable",
            "angry",
            "disappointed",
            "worst",
            "doesn'?t work",
            "not working",
            "never arrived",
            "queja",
            "reclamo",
            "reembolso",
            "p[ée]simo",
            "no funciona",
        ),
        {
            "en": (
                "I'm sorry about that. Could you tell me what went wrong?",
                "Let me look into this right away. What is your order number?",
                "Would you like a colleague to call you about this today?",
            ),
            "es": (
                "Lo siento mucho. ¿Puede contarme qué pasó?",
                "Lo reviso ahora mismo. ¿Cuál es su número de pedido?",
                "¿Quiere que un colega le llame hoy?",
            ),
        },
    ),
    Rule(
        ("booking", "appointment", "schedule", "meeting"),
        85,
        _words(
            "book\\w*",
            "appointments?",
            "meet(?:ing)?s?",
            "schedule",
            "demo",
            "visit",
            "cita",
            "reservar?",
            "agendar",
            "reuni[óo]n",
        ),
        {
            "en": (
                "Happy to set that up. Would tomorrow at 10 or 3 suit you?",
                "Sure. Which day works best for you?",
                "Great. Shall I send you a calendar link?",
            ),
            "es": (
                "Con gusto. ¿Le viene bien mañana a las 10 o a las 3?",
                "Claro. ¿Qué día le conviene más?",
                "Perfecto. ¿Le envío un enlace al calendario?",
            ),
        },
    ),
    Rule(
        ("pricing", "price", "quote", "purchase"),
        80,
        _words(
            "prices?",
            "pricing",
            "quotes?",
            "costs?",
            "how much",
            "rates?",
            "discounts?",
            "budget",
            "precios?",
            "cu[áa]nto",
            "cotizaci[óo]n",
            "presupuesto",
            "cuesta",
        ),
        {
            "en": (
                "Happy to help with pricing. How many people would use it?",
                "I can send you a quote today. What do you need it for?",
                "Would a quick call be easier to go through the prices?",
            ),
            "es": (
                "Con gusto le ayudo con los precios. ¿Cuántas personas lo usarían?",
                "Puedo enviarle una cotización hoy. ¿Para qué lo necesita?",
                "¿Prefiere una llamada corta para ver los precios?",
            ),
        },
    ),
    Rule(
        ("interested", "interest", "inquiry"),
        70,
        _words(
            "interested", "sounds good", "tell me more", "yes please", "sign me up", "me interesa", "quiero"
        ),
        {
            "en": (
                "Great to hear. What would you like to know first?",
                "Glad you are interested. Shall I send you the details?",
            ),
            "es": (
                "Qué bueno. ¿Qué le gustaría saber primero?",
                "Me alegra su interés. ¿Le envío los detalles?",
            ),
        },
    ),
    Rule(
        ("question", "information", "inquiry", "support"),
        50,
        re.compile(r"[?¿]"),
        {
            "en": (
                "Good question. Let me check and get back to you shortly.",
                "Could you tell me a little more about what you need?",
            ),
            "es": (
                "Buena pregunta. Lo verifico y le respondo enseguida.",
                "¿Puede contarme un poco más sobre lo que necesita?",
            ),
        },
    ),
)

_OTHERWISE = Rule(
    ("other", "unknown", "general", "none"),
    35,
    re.compile(""),
    {
        "en": ("Thanks for your message. How can we help?",),
        "es": ("Gracias por su mensaje. ¿En qué podemos ayudarle?",),
    },
)

_LANGUAGES = {
    "es": _words(
        "hola", "gracias", "cu[áa]nto", "precios?", "quiero", "por favor", "buenos", "buenas", "usted", "est[áa]",
        "necesito", "cita", "mensajes?", "no más", "no me", "qu[ée]", "para", "ustedes", "cuesta", "mañana", "una?",
    ),
    "fr": _words("bonjour", "merci", "combien", "prix", "je", "vous", "rendez-vous", "s'il", "voudrais"),
    "de": _words("hallo", "danke", "preis", "wie viel", "ich", "bitte", "termin", "guten", "nicht"),
    "pt": _words("ol[áa]", "obrigad[oa]", "quanto", "preço", "você", "não", "quero", "por favor"),
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What the rules see in one message."""

    rule: Rule
    language: str
    wants_to_stop: bool
    suggestions: list[str] = field(default_factory=list)

    @property
    def reason(self) -> str:
        return f"{MARK} Matched the rule for {self.rule.intents[0].replace('_', ' ')}."


def newest_message(prompt: str) -> str:
    """The last line that starts with `contact:`, or the whole prompt when no line does."""
    for line in reversed(prompt.splitlines()):
        head, colon, said = line.strip().partition(":")
        if colon and head.lower() == "contact":
            return said.strip()
    return prompt


def read(prompt: str) -> Reading:
    message = newest_message(prompt)
    rule = next((rule for rule in RULES if rule.words.search(message)), _OTHERWISE)
    language = _language(message)
    suggestions = rule.suggestions.get(language, rule.suggestions["en"])
    return Reading(rule, language, STOP.search(message) is not None, list(suggestions))


def _language(message: str) -> str:
    """The language with the most tell-tale words; English without at least one, Spanish when marked ¿ or ¡."""
    counts = {name: len(words.findall(message)) for name, words in _LANGUAGES.items()}
    counts["es"] += 2 * len(re.findall("[¿¡ñ]", message))
    best = max(counts, key=lambda name: counts[name])
    enough = 1 if len(message.split()) <= 4 else 2
    return best if counts[best] >= enough else "en"


def fit(schema: Mapping[str, Any], reading: Reading) -> Any:
    """A value that fits the schema, filled from the reading wherever a field's name says how."""
    return _value("", schema, schema, reading)


_BY_NAME: dict[str, Callable[[Reading], Any]] = {
    "interest": lambda reading: reading.rule.interest,
    "score": lambda reading: reading.rule.interest,
    "reason": lambda reading: reading.reason,
    "explanation": lambda reading: reading.reason,
    "suggestions": lambda reading: reading.suggestions,
    "suggested_replies": lambda reading: reading.suggestions,
    "wants_to_stop": lambda reading: reading.wants_to_stop,
    "language": lambda reading: reading.language,
    "reply": lambda reading: reading.suggestions[0],
}


def _value(name: str, schema: Mapping[str, Any], root: Mapping[str, Any], reading: Reading) -> Any:
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return best_member(schema["enum"], reading)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            real = [branch for branch in schema[union] if _resolved(branch, root).get("type") != "null"]
            return _value(name, real[0] if real else schema[union][0], root, reading)
    if "allOf" in schema:
        merged: dict[str, Any] = {}
        for part in schema["allOf"]:
            merged |= _resolved(part, root)
        return _value(name, merged, root, reading)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    known = _BY_NAME.get(name)
    found = known(reading) if known else None
    match kind:
        case "object":
            return {
                field: _value(field, part, root, reading)
                for field, part in schema.get("properties", {}).items()
            }
        case "array":
            if isinstance(found, list):
                return found
            return [_value(name, schema.get("items", {}), root, reading)] if schema.get("minItems") else []
        case "integer" | "number":
            if not isinstance(found, int) or isinstance(found, bool):
                return schema.get("minimum", 0)
            return found / 100 if kind == "number" and schema.get("maximum") == 1 else found
        case "boolean":
            return found if isinstance(found, bool) else False
        case "null":
            return None
        case _:
            return found if isinstance(found, str) else _text(schema)


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        schema = target
    return schema


_FORMATS = {
    "date": "2026-11-23",
    "date-time": "2026-11-23T12:00:00Z",
    "time": "12:00:00Z",
    "email": "simulated@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def _text(schema: Mapping[str, Any]) -> str:
    return _FORMATS.get(schema.get("format", ""), f"{MARK} text")


def best_member(members: list[Any], reading: Reading) -> Any:
    """The enumeration's own word for what the rule found: same name, then a part of it, else `other`, else
    the last.
    """
    plain = {str(member).lower().replace("-", "_").replace(" ", "_"): member for member in members}
    wanted = (*reading.rule.intents, reading.language)
    for intent in wanted:
        if intent in plain:
            return plain[intent]
    for intent in reading.rule.intents:
        for name, member in plain.items():
            # `interested` must not be found inside `not_interested`
            if (intent in name or name in intent) and name.startswith("not_") == intent.startswith("not_"):
                return member
    return next((plain[name] for name in _OTHERWISE.intents if name in plain), members[-1])
