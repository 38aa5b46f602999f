"""What the demo organisation has at the simulated Meta: a WhatsApp number with templates, and a page with lead forms."""

from infra.local.secrets import LocalSecrets
from infra.simulators.meta import LeadForm, MetaApp, Page, Template, Token, User, Waba, WhatsAppNumber

APP_ID = "670843887433847"
WABA_ID = "102290129340398"
PHONE_NUMBER_ID = "106540352242922"
NUMBER = "+15005550020"
LEAD_APP_ID = "670843887433848"
PAGE_ID = "104000000000001"
FORM_IDS = ("222000000000001", "222000000000002")


def people() -> list[User]:
    """Two who have WhatsApp; the second has taken a username, and only a business-scoped id is told of him."""
    return [User("+12025550111", name="Ana Lima"), User("+12025550112", name="Ben Okafor", hides_number=True)]


def meta_app(secrets: LocalSecrets, base_url: str) -> MetaApp:
    """The demo customer's app, its webhook pointed at this installation."""
    return MetaApp(
        APP_ID,
        secrets.meta_app_secret,
        [Token(secrets.meta_access_token)],
        callback_url=f"{base_url}/webhooks/meta/{secrets.whatsapp_channel_key}",
        verify_token=secrets.meta_verify_token,
        wabas=[Waba(WABA_ID, [WhatsAppNumber(PHONE_NUMBER_ID, NUMBER, "Harbour Bikes")], _templates())],
        name="Harbour Bikes",
    )


def lead_app(secrets: LocalSecrets, base_url: str) -> MetaApp:
    """The demo customer's app for its page, whose forms can be filled in on the phones page."""
    return MetaApp(
        LEAD_APP_ID,
        secrets.lead_app_secret,
        [Token(secrets.lead_access_token)],
        callback_url=f"{base_url}/webhooks/meta/{secrets.lead_channel_key}",
        verify_token=secrets.lead_verify_token,
        pages=[Page(PAGE_ID, "Harbour Bikes", _forms())],
        name="Harbour Bikes leads",
        require_proof=True,
    )


def _forms() -> list[LeadForm]:
    ride = [
        {"key": "full_name", "label": "Full name", "type": "FULL_NAME"},
        {"key": "phone_number", "label": "Phone number", "type": "PHONE"},
        {"key": "email", "label": "E-mail", "type": "EMAIL"},
        {"key": "which_bike", "label": "Which bike would you like to ride?", "type": "CUSTOM"},
        {"key": "how_old_are_you", "label": "How old are you?", "type": "CUSTOM"},
    ]
    newsletter = [
        {"key": "vorname", "label": "Vorname", "type": "FIRST_NAME"},
        {"key": "nachname", "label": "Nachname", "type": "LAST_NAME"},
        {"key": "telefonnummer", "label": "Telefonnummer", "type": "CUSTOM"},
    ]
    agree = "Harbour Bikes may send me offers by text message and WhatsApp. Reply STOP at any time."
    return [
        LeadForm(FORM_IDS[0], "Test ride", ride, disclaimer=agree),
        LeadForm(FORM_IDS[1], "Rückruf", newsletter, locale="de_DE"),
    ]


def _templates() -> list[Template]:
    ready = {
        "type": "BODY",
        "text": "Hi {{1}}, your {{2}} is ready. We are open until {{3}} today.",
        "example": {"body_text": [["Ana", "city bike", "18:00"]]},
    }
    lista = {
        "type": "BODY",
        "text": "Hola {{1}}, tu {{2}} está lista. Hoy abrimos hasta las {{3}}.",
        "example": {"body_text": [["Ana", "bicicleta", "18:00"]]},
    }
    visit = {
        "type": "BODY",
        "text": "See you on {{day}} at {{time}} for your test ride, {{first_name}}!",
        "example": {
            "body_text_named_params": [
                {"param_name": "day", "example": "Saturday"},
                {"param_name": "time", "example": "10:30"},
                {"param_name": "first_name", "example": "Ana"},
            ]
        },
    }
    sale = [
        {"type": "HEADER", "format": "TEXT", "text": "Spring at Harbour Bikes"},
        {"type": "BODY", "text": "{{1}}, all city bikes are 20 % off until Sunday."},
        {"type": "FOOTER", "text": "You get this because you asked for offers."},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Tell me more"},
                {"type": "URL", "text": "See the bikes", "url": "https://harbour-bikes.example/sale/{{1}}"},
                {"type": "QUICK_REPLY", "text": "Stop promotions"},
            ],
        },
    ]
    plain = [{"type": "BODY", "text": "Thank you for visiting us. How was it?"}]
    return [
        Template("bike_ready", "en_US", "UTILITY", [ready], id="1667192013751001"),
        Template("bike_ready", "es", "UTILITY", [lista], id="1667192013751002"),
        Template("test_ride", "en_US", "UTILITY", [visit], parameter_format="NAMED", id="1667192013751003"),
        Template("spring_sale", "en_US", "MARKETING", sale, id="1667192013751004"),
        Template("after_visit", "en_US", "MARKETING", plain, "PAUSED", "RED", id="1667192013751005"),
        Template(
            "winter_sale",
            "en_US",
            "MARKETING",
            plain,
            "REJECTED",
            "UNKNOWN",
            "PROMOTIONAL",
            id="1667192013751006",
        ),
        Template("summer_sale", "en_US", "MARKETING", plain, "PENDING", "UNKNOWN", id="1667192013751007"),
    ]
