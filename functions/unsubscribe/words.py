"""What the page says, in each language. `{name}` is the organisation, `{channel}` how it writes. Data only."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    ask: str
    stop: str
    offers: str  # the smaller wish: no offers, and all else as before
    stopped: str
    no_offers: str
    elsewhere: str  # stopped in another way, which this page does not take back
    undo: str
    undone: str
    unknown: str
    later: str
    channels: dict[str, str]


WORDS: Final[dict[str, Words]] = {
    "en": Words(
        "Unsubscribe",
        "Do you want no more messages of {name} by {channel}?",
        "Stop all messages",
        "Stop offers only",
        "You will get no more messages of {name} by {channel}.",
        "You will get no more offers of {name} by {channel}.",
        "You have opted out already. To get messages again, send START to the number that wrote to you.",
        "Undo",
        "You will get messages of {name} again, as before.",
        "This link leads nowhere. To stop messages, reply STOP to one.",
        "This does not work right now. Try again in a moment, or reply STOP to a message.",
        {"sms": "text message", "whatsapp": "WhatsApp", "email": "e-mail"},
    ),
    "es": Words(
        "Darse de baja",
        "¿No quiere más mensajes de {name} por {channel}?",
        "No quiero más mensajes",
        "Solo sin ofertas",
        "No recibirá más mensajes de {name} por {channel}.",
        "No recibirá más ofertas de {name} por {channel}.",
        "Ya se ha dado de baja. Para volver a recibir mensajes, envíe START al número que le escribió.",
        "Deshacer",
        "Volverá a recibir mensajes de {name}, como antes.",
        "Este enlace no lleva a ninguna parte. Para no recibir más mensajes, responda STOP a uno.",
        "Ahora no es posible. Inténtelo de nuevo en un momento o responda STOP a un mensaje.",
        {"sms": "SMS", "whatsapp": "WhatsApp", "email": "correo electrónico"},
    ),
    "pt": Words(
        "Cancelar mensagens",
        "Não quer mais mensagens de {name} por {channel}?",
        "Não quero mais mensagens",
        "Apenas sem ofertas",
        "Você não receberá mais mensagens de {name} por {channel}.",
        "Você não receberá mais ofertas de {name} por {channel}.",
        "Você já cancelou. Para voltar a receber, envie START ao número que lhe escreveu.",
        "Desfazer",
        "Você voltará a receber mensagens de {name}, como antes.",
        "Este link não leva a lugar nenhum. Para não receber mais mensagens, responda STOP a uma.",
        "Agora não é possível. Tente de novo em um momento ou responda STOP a uma mensagem.",
        {"sms": "SMS", "whatsapp": "WhatsApp", "email": "e-mail"},
    ),
    "fr": Words(
        "Se désinscrire",
        "Ne voulez-vous plus de messages de {name} par {channel} ?",
        "Plus aucun message",
        "Plus d’offres seulement",
        "Vous ne recevrez plus de messages de {name} par {channel}.",
        "Vous ne recevrez plus d’offres de {name} par {channel}.",
        "Vous êtes déjà désinscrit. Pour recevoir à nouveau des messages, envoyez START au numéro qui vous a écrit.",
        "Annuler",
        "Vous recevrez à nouveau des messages de {name}, comme avant.",
        "Ce lien ne mène nulle part. Pour ne plus recevoir de messages, répondez STOP à l’un d’eux.",
        "Ce n’est pas possible en ce moment. Réessayez dans un instant ou répondez STOP à un message.",
        {"sms": "SMS", "whatsapp": "WhatsApp", "email": "e-mail"},
    ),
    "de": Words(
        "Abmelden",
        "Möchten Sie keine Nachrichten mehr von {name} per {channel}?",
        "Keine Nachrichten mehr",
        "Nur keine Angebote mehr",
        "Sie erhalten keine Nachrichten mehr von {name} per {channel}.",
        "Sie erhalten keine Angebote mehr von {name} per {channel}.",
        "Sie haben sich bereits abgemeldet. Um wieder Nachrichten zu erhalten, senden Sie START an die Nummer, die "
        "Ihnen schrieb.",
        "Rückgängig machen",
        "Sie erhalten wieder Nachrichten von {name}, wie zuvor.",
        "Dieser Link führt nirgendwohin. Um keine Nachrichten mehr zu erhalten, antworten Sie auf eine mit STOP.",
        "Das geht gerade nicht. Versuchen Sie es gleich noch einmal, oder antworten Sie auf eine Nachricht mit STOP.",
        {"sms": "SMS", "whatsapp": "WhatsApp", "email": "E-Mail"},
    ),
    "it": Words(
        "Disiscriversi",
        "Non vuole più messaggi di {name} via {channel}?",
        "Nessun altro messaggio",
        "Solo senza offerte",
        "Non riceverà più messaggi di {name} via {channel}.",
        "Non riceverà più offerte di {name} via {channel}.",
        "La disiscrizione è già avvenuta. Per ricevere di nuovo messaggi, invii START al numero che le ha scritto.",
        "Annulla",
        "Riceverà di nuovo messaggi di {name}, come prima.",
        "Questo link non porta da nessuna parte. Per non ricevere più messaggi, risponda STOP a uno di essi.",
        "Al momento non è possibile. Riprovi tra poco o risponda STOP a un messaggio.",
        {"sms": "SMS", "whatsapp": "WhatsApp", "email": "e-mail"},
    ),
}
