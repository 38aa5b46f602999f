"""What the simulated model understands: simple rules over the contact's newest message.

Never a measure of quality. Every reason and every free text begins with `[simulated]`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

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
        {},
    ),
    Rule(
        ("wrong_person", "wrong_number", "not_interested"),
        0,
        _words(
            "wrong (?:number|person)",
            "who is this",
            "you have the wrong",
            "n[úu]mero equivocado",
            "se equivoc[óo]",
        ),
        {},
    ),
    Rule(
        ("not_interested", "disinterest", "rejection"),
        5,
        _words(
            "not interested",
            "no interest",
            "no thanks",
            "no thank you",
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
        ("callback", "call", "contact_request"),
        75,
        _words(
            "call me", "give me a call", "(?:speak|talk) (?:to|with)", "ll[áa]me(?:me|nme)?", "hablar con"
        ),
        {
            "en": (
                "Happy to call you. When would be a good time?",
                "Of course. A colleague can call you. Is there anything we should prepare?",
            ),
            "es": (
                "Con gusto le llamamos. ¿Cuándo le viene bien?",
                "Claro. Un colega puede llamarle. ¿Hay algo que debamos preparar?",
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
                "Happy to set that up. Would the morning or the afternoon suit you better?",
                "Sure. Which day works best for you?",
                "Great. Shall I send you a calendar link?",
            ),
            "es": (
                "Con gusto. ¿Le viene mejor por la mañana o por la tarde?",
                "Claro. ¿Qué día le conviene más?",
                "Perfecto. ¿Le envío un enlace al calendario?",
            ),
        },
    ),
    Rule(
        ("purchase", "order", "buy", "pricing"),
        95,
        _words(
            "(?:want|like|ready) to (?:buy|order|sign)", "place an order", "i'?ll take it", "quiero comprar"
        ),
        {
            "en": (
                "Wonderful. What would you like to order?",
                "Great news. Shall I prepare everything for you today?",
            ),
            "es": (
                "Estupendo. ¿Qué le gustaría pedir?",
                "Qué buena noticia. ¿Le preparo todo hoy?",
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
        ("product_question", "question", "information", "inquiry"),
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

OTHERWISE = Rule(
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
        """One line that says it is simulated."""
        return f"{MARK} Matched the rule for {self.rule.intents[0].replace('_', ' ')}."

    @property
    def reply(self) -> str:
        return f"{MARK} {self.suggestions[0] if self.suggestions else 'Nothing to reply.'}"


def newest_message(prompt: str) -> str:
    """The last line that starts with `contact:`, or the whole prompt when no line does."""
    for line in reversed(prompt.splitlines()):
        head, colon, said = line.strip().partition(":")
        if colon and head.lower() == "contact":
            return said.strip()
    return prompt


def read(prompt: str) -> Reading:
    message = newest_message(prompt)
    rule = next((rule for rule in RULES if rule.words.search(message)), OTHERWISE)
    language = _language(message)
    suggestions = rule.suggestions.get(language) or rule.suggestions.get("en", ())
    return Reading(rule, language, STOP.search(message) is not None, list(suggestions))


def _language(message: str) -> str:
    """The language with the most tell-tale words; English without at least one, Spanish when marked ¿ or ¡."""
    counts = {name: len(words.findall(message)) for name, words in _LANGUAGES.items()}
    counts["es"] += 2 * len(re.findall("[¿¡ñ]", message))
    best = max(counts, key=lambda name: counts[name])
    enough = 1 if len(message.split()) <= 4 else 2
    return best if counts[best] >= enough else "en"
