"""The page behind an unsubscribe link: plain HTML that needs no script, no picture and nothing from anywhere."""

import base64
import hashlib
from html import escape
from typing import Final, Literal

from functions.unsubscribe.words import WORDS, Words
from leadsrally.consent.unsubscribe import Shown
from leadsrally.consent.unsubscribe_link import Link
from leadsrally.kit.gateway import Response

_STYLE: Final = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}h1{font-size:1.5rem}button{font:inherit;min-height:2.75rem;margin:.5rem .5rem 0 0;"
    "padding:.5rem 1rem;border:2px solid #1f4e8c;border-radius:.375rem;background:#fff;color:#1f4e8c;cursor:pointer}"
    "button.first{background:#1f4e8c;color:#fff}button:focus-visible{outline:3px solid #b45309;outline-offset:2px}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
    "vary": "accept-language",
}


def language_of(accepted: str, otherwise: str = "en") -> str:
    """The first language of an `Accept-Language` header that we speak (RFC 9110 section 12.5.4)."""
    wanted: list[tuple[float, str]] = []
    for part in accepted[:200].split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), tag.partition("-")[0].lower()))
        except ValueError:
            continue
    spoken = (language for weight, language in sorted(wanted, key=lambda one: one[0]) if weight < 0)
    return next((language for language in spoken if language in WORDS), otherwise)


def shown(link: Link, found: Shown, language: str, *, undone: bool = False) -> Response:
    """What stands, and what can be done about it."""
    words = WORDS[language]
    if found.stopped is None:
        told = words.undone if undone else words.ask
        forms = _form("stop", words.stop, first=True) + _form("marketing", words.offers)
    elif not found.by_link:
        told, forms = words.elsewhere, ""
    elif found.stopped == "marketing":
        told, forms = words.no_offers, _form("stop", words.stop) + _form("undo", words.undo)
    else:
        told, forms = words.stopped, _form("undo", words.undo)
    name, channel = link.organization_name, words.channels[link.channel_kind]
    return _page(200, words, language, told.format(name=name, channel=channel), forms)


def unknown(language: str) -> Response:
    """The same for every link that is none, so that nobody learns which ones there are."""
    return _page(404, WORDS[language], language, WORDS[language].unknown)


def unavailable(language: str) -> Response:
    response = _page(503, WORDS[language], language, WORDS[language].later)
    response["headers"]["retry-after"] = "30"
    return response


def _form(action: Literal["stop", "marketing", "undo"], label: str, *, first: bool = False) -> str:
    look = ' class="first"' if first else ""
    return (
        f'<form method="post"><button{look} type="submit" name="action" value="{action}">{escape(label)}'
        "</button></form>"
    )


def _page(status: int, words: Words, language: str, told: str, forms: str = "") -> Response:
    body = (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(words.title)}</title><style>{_STYLE}</style></head>"
        f'<body><main><h1>{escape(words.title)}</h1><p role="status">{escape(told)}</p>{forms}</main></body></html>'
    )
    return {"statusCode": status, "headers": dict(_HEADERS), "body": body}
