"""The words by which people end, resume or ask about messages. Data only; `keywords.py` reads it.

Everything is written as `keywords.py` sees it: lower case, without accents, apostrophes and punctuation.
"""

from typing import Final

# --- words that opt out when they are the whole message ---------------------------------------------------------

# 47 CFR 64.1200(a)(10): each of these, as a reply, revokes consent per se (in force since 11 April 2025).
FCC: Final = ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe")

# Twilio's default words on long codes: https://help.twilio.com/hc/en-us/articles/223134027 (REVOKE and OPTOUT are
# the additions of 2025). Twilio blocks after them, so a miss here would leave us unaware of it.
TWILIO: Final = ("stop", "stopall", "unsubscribe", "end", "quit", "cancel", "revoke", "optout")

# All that its filter acts on and answers, opt-ins and HELP among them: https://help.twilio.com/hc/en-us/articles/223134027
TWILIO_ANSWERS: Final = frozenset({*TWILIO, "start", "unstop", "yes", "help", "info"})

# AWS requires these for messages to the US and Canada; the CTIA's list is alike.
CARRIER: Final = ("arret", "opt out", "remove", "td")

# Plain variants that people write in English, and "stop" itself where another alphabet spells it.
VARIANTS: Final = (
    "stop all",
    "stop it all",
    "opt me out",
    "unsub",
    "unsubscribe me",
    "unsubscribe all",
    "halt",
    "стоп",  # Russian, Ukrainian, Bulgarian
    "στοπ",  # Greek
)

# Own languages (product decision: the set is chosen per organisation, all are on by default). The words are those
# of carrier and aggregator opt-out lists for each market, and the imperatives of the same verbs.
STOP_BY_LANGUAGE: Final[dict[str, tuple[str, ...]]] = {
    "en": (),
    "es": (
        "alto",
        "anular",
        "baja",
        "basta",
        "borrar",
        "cancela",
        "cancelar",
        "cancele",
        "dar de baja",
        "darme de baja",
        "darse de baja",
        "dejar",
        "desuscribir",
        "desuscribirme",
        "detener",
        "detente",
        "eliminar",
        "fin",
        "no mas",
        "para",
        "parar",
        "pare",
        "quiero darme de baja",
        "salir",
    ),
    "pt": (
        "basta",
        "cancela",
        "cancelar",
        "cancele",
        "descadastrar",
        "desinscrever",
        "fim",
        "nao mais",
        "para",
        "parar",
        "pare",
        "remover",
        "sair",
    ),
    "fr": (
        "annuler",
        "arret",
        "arrete",
        "arreter",
        "arretez",
        "desabonnement",
        "desabonner",
        "desinscription",
        "desinscrire",
        "fin",
        "me desabonner",
        "me desinscrire",
        "resilier",
    ),
    "de": (
        "abbestellen",
        "abmelden",
        "abmeldung",
        "aufhoren",
        "aufhoeren",
        "austragen",
        "beenden",
        "ende",
        "stoppen",
        "stopp",
    ),
    "it": (
        "annulla",
        "annullare",
        "basta",
        "cancella",
        "cancellami",
        "cancellare",
        "cancellatemi",
        "disiscrivi",
        "disiscrivimi",
        "disiscrivermi",
        "ferma",
        "fermare",
        "rimuovi",
        "rimuovimi",
    ),
}

# --- words that resume, agree or ask, when they are the whole message --------------------------------------------

# START and UNSTOP resume at Twilio and on toll-free numbers. YES (a legacy word at Twilio) is reported apart, as it
# also answers questions. Other languages get no equivalent of YES: resuming is deliberately harder than ending.
START: Final = ("start", "unstop", "opt in", "optin", "resume", "subscribe")
START_BY_LANGUAGE: Final[dict[str, tuple[str, ...]]] = {
    "en": (),
    "es": ("alta", "comenzar", "empezar", "iniciar", "reanudar", "suscribir"),
    "pt": ("comecar", "iniciar", "retomar"),
    "fr": ("commencer", "debut", "demarrer", "reprendre"),
    "de": ("anmelden", "starten"),
    "it": ("avvia", "inizia", "iscrivi", "riprendi"),
}
YES: Final = "yes"

HELP: Final = ("help", "info")
HELP_BY_LANGUAGE: Final[dict[str, tuple[str, ...]]] = {
    "en": (),
    "es": ("ayuda",),
    "pt": ("ajuda",),
    "fr": ("aide",),
    "de": ("hilfe",),
    "it": ("aiuto",),
}

# --- what may stand around such a word without changing it -------------------------------------------------------

POLITE: Final = frozenset(
    (
        "please",
        "pls",
        "plz",
        "plse",
        "kindly",
        "thanks",
        "thx",
        "thnx",
        "ty",
        "now",
        "immediately",
        "porfavor",
        "porfa",
        "gracias",
        "ya",
        "ahora",
        "obrigado",
        "obrigada",
        "agora",
        "svp",
        "stp",
        "merci",
        "maintenant",
        "bitte",
        "danke",
        "jetzt",
        "grazie",
        "adesso",
    )
)
POLITE_PHRASES: Final = (
    "thank you very much",
    "thank you",
    "por favor",
    "muchas gracias",
    "s il vous plait",
    "sil vous plait",
    "s il te plait",
    "sil te plait",
    "per favore",
    "per piacere",
)
# Weaker company: enough around an unmistakable word ("ok stop"), too little around a common one ("ok, cancel").
FILLERS: Final = frozenset(
    (
        "ok",
        "okay",
        "hey",
        "hi",
        "hello",
        "hola",
        "ola",
        "just",
        "no",
        "enough",
        "sir",
        "madam",
        "guys",
        "dude",
        "and",
        "ciao",
        "hallo",
        "bonjour",
    )
)

# Words with hardly another meaning than ending messages. Found inside any text they pause and ask (S3).
STRONG: Final = frozenset(
    (
        "stop",
        "stopall",
        "stopp",
        "unsubscribe",
        "unsub",
        "optout",
        "opt out",
        "opt me out",
        "стоп",
        "στοπ",
        "desuscribir",
        "desuscribirme",
        "darme de baja",
        "dar de baja",
        "darse de baja",
        "descadastrar",
        "desinscrever",
        "desabonner",
        "desabonnement",
        "desinscrire",
        "desinscription",
        "abmelden",
        "abbestellen",
        "cancellami",
        "cancellatemi",
        "disiscrivi",
        "disiscrivimi",
        "disiscrivermi",
    )
)
# Words of everyday speech as well. They pause and ask only as the first or last word of a text of at most
# `EDGE_LENGTH` words: "cancel my 3pm", "i want to cancel", but not "we will cancel the other contract in May".
EDGE: Final = frozenset(
    (
        "cancel",
        "quit",
        "revoke",
        "cancelar",
        "cancela",
        "cancele",
        "parar",
        "detener",
        "annuler",
        "arreter",
        "arretez",
        "cancellare",
        "annulla",
        "stoppen",
    )
)
# As the first word only: "end of month works" asks a person, "let us talk at the end of the day" does not.
FIRST: Final = frozenset(("end", "remove", "halt", "arret", "sair", "salir", "basta"))
EDGE_LENGTH: Final = 6
# TD, ALTO, BAJA, FIN, PARA, PARE, ENDE, FERMA and the like opt out alone and mean nothing of the kind inside a
# sentence: they are in no list here.

# "Stop" as part of a common adjective says nothing about messages.
NOT_STOP: Final = ("non stop", "one stop")

# A line like this, and all below it, is the phone's or the person's signature and not part of what was said.
SIGNATURE_STARTS: Final = (
    "--",
    "\u2014",
    "sent from my ",
    "sent from outlook",
    "sent via ",
    "get outlook for ",
    "enviado desde mi ",
    "enviado do meu ",
    "enviado de meu ",
    "envoyé de mon ",
    "envoyé depuis mon ",
    "von meinem ",
    "gesendet von ",
    "inviato da ",
)

# --- whole sentences that refuse (47 CFR 64.1200(a)(10): any reasonable wording revokes) -------------------------

# A clause that refuses when nothing else stands in it.
REFUSALS: Final = frozenset(
    (
        "stop it",
        "stop this",
        "stop that",
        "stop already",
        "stop right now",
        "just stop",
        "i said stop",
        "i told you to stop",
        "make it stop",
        "cease",
        "cease and desist",
        "no more",
        "not anymore",
        "wrong number",
        "sorry wrong number",
        "this is the wrong number",
        "you have the wrong number",
        "you got the wrong number",
        "u have the wrong number",
        "u got the wrong number",
        "you have wrong number",
        "wrong person",
        "you have the wrong person",
        "you got the wrong person",
        "leave me alone",
        "leave us alone",
        "take me off",
        "take me off please",
        "remove me",
        "remove me now",
        "remove us",
        "remove my number",
        "remove this number",
        "delete my number",
        "delete this number",
        "lose my number",
        "lose this number",
        "forget my number",
        "do not contact",
        "dont contact",
        "do not text",
        "dont text",
        "do not disturb",
        "fuck off",
        "piss off",
        "go away",
        "i opt out",
        "i want to opt out",
        "i would like to opt out",
        "id like to opt out",
        "i want to unsubscribe",
        "i would like to unsubscribe",
        "id like to unsubscribe",
        "i want out",
        "sms stop",
        "text stop",
        # Spanish
        "dejame en paz",
        "dejenme en paz",
        "numero equivocado",
        "se equivoco de numero",
        "tiene el numero equivocado",
        "no me escribas",
        "no me escriban",
        "no me escriba",
        "no me contacten",
        "no me contactes",
        "no mas por favor",
        "borrame",
        "borrenme",
        "eliminame",
        "quitame de la lista",
        "quiero cancelar la suscripcion",
        # Portuguese
        "me deixe em paz",
        "me deixa em paz",
        "me deixem em paz",
        "deixem me em paz",
        "deixe me em paz",
        "numero errado",
        "me remova",
        "me tire da lista",
        "me tira da lista",
        # French
        "laissez moi tranquille",
        "laisse moi tranquille",
        "mauvais numero",
        "vous avez le mauvais numero",
        "vous vous trompez de numero",
        "foutez moi la paix",
        # German
        "lass mich in ruhe",
        "lassen sie mich in ruhe",
        "lasst mich in ruhe",
        "falsche nummer",
        "sie haben die falsche nummer",
        # Italian
        "lasciami in pace",
        "lasciatemi in pace",
        "mi lasci in pace",
        "numero sbagliato",
        "ha sbagliato numero",
        "hai sbagliato numero",
        "avete sbagliato numero",
    )
)

# Beside a clause that is exactly an opt-out word these leave no doubt: "wrong number, stop", "not interested. STOP".
COMPANIONS: Final = frozenset(
    (
        "no",
        "nope",
        "sorry",
        "not interested",
        "im not interested",
        "i am not interested",
        "no interest",
        "i said",
        "i said no",
        "who is this",
        "who are you",
        "i dont know you",
        "spam",
        "this is spam",
        "enough",
        "no me interesa",
        "no estoy interesado",
        "no estoy interesada",
        "nao tenho interesse",
        "pas interesse",
        "pas interessee",
        "je ne suis pas interesse",
        "kein interesse",
        "non mi interessa",
        "non sono interessato",
        "non sono interessata",
    )
)

# As a whole message these are no revocation, but no reason to go on either: pause and ask.
DOUBTS: Final = (
    COMPANIONS
    - {
        "no",
        "nope",
        "sorry",
        "i said",
        "who is this",
        "who are you",
        "i said no",
        "enough",
        "i dont know you",
    }
) | frozenset(
    (
        "not interested thanks",
        "no not interested",
        "no thanks not interested",
        "how do i unsubscribe",
        "reported",
    )
)
