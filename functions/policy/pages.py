"""The pages: plain HTML that needs no script, no picture and nothing from anywhere, readable by whatever reads aloud."""

import base64
import hashlib
from datetime import UTC, date, datetime
from html import escape
from typing import Final

from functions.policy.facts import Facts, is_stale, promise_of
from leadsrally.disclosures.subprocessors import MECHANISM, Listed
from leadsrally.kit.gateway import Response
from leadsrally.privacy.clauses.standings import Stands
from leadsrally.privacy.policy.text import ENGLISH, Section
from leadsrally.privacy.policy.versions import Version

_STYLE: Final = (
    ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--page:#fff;--card:#f6f8fa;"
    "--good:#1a6b4f;--bad:#b42318;--wait:#57606a;--link:#1f5f99}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#a7b0ba;--line:#343b43;--page:#14181c;--card:#1c2126;"
    "--good:#6fd3ad;--bad:#ff9d92;--wait:#a7b0ba;--link:#8fc2f2}}"
    "*{box-sizing:border-box}body{margin:0;font:1.0625rem/1.6 system-ui,sans-serif;color:var(--ink);background:var(--page)}"
    "header,main,footer{max-width:46rem;margin:0 auto;padding:0 1.25rem}header{padding-top:1.5rem}"
    "nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:0;padding:0}"
    "nav a{display:inline-block;padding:.5rem 0}a{color:var(--link)}a[aria-current]{color:var(--ink);font-weight:600}"
    "a:focus-visible{outline:3px solid #b45309;outline-offset:2px}h1{font-size:1.9rem;line-height:1.2;margin:1.5rem 0 .5rem}"
    "h2{font-size:1.25rem;line-height:1.3;margin:2.25rem 0 .5rem}p{margin:.5rem 0}.soft{color:var(--soft)}"
    "ul.plain{list-style:none;margin:.75rem 0;padding:0}ul.plain>li{padding:.75rem 0;border-top:1px solid var(--line)}"
    ".mark{display:block;font-size:.9rem;margin-top:.15rem}.kept{color:var(--good)}.broken{color:var(--bad);font-weight:600}"
    ".wait{color:var(--wait)}.box{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.25rem;"
    "margin:1.25rem 0}.box h2{margin-top:0}dl{display:grid;grid-template-columns:10rem 1fr;gap:.35rem 1rem;margin:0}"
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}footer{padding-bottom:3rem;margin-top:3rem}"
    ":target{background:var(--card);outline:2px solid var(--line);outline-offset:.4rem;border-radius:.25rem}"
    "@media(max-width:34rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}h1{font-size:1.6rem}}"
    "@media print{nav,.mark a{display:none}body{font-size:11pt}}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "cache-control": "public, max-age=60",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "vary": "accept",
}
_NAV: Final = (
    ("/policy", "Policy"),
    ("/policy/status", "Is it kept?"),
    ("/subprocessors", "Subprocessors"),
)


def policy(facts: Facts) -> str:
    """The text, with a live mark beside each clause."""
    text = facts.text
    holds = "" if facts.present else _superseded(facts)
    head = (
        f'<h1>Privacy policy</h1><p class="soft">Last updated <time datetime="{text.dated.isoformat()}">{_day(text.dated)}'
        f"</time>{_in_force(facts)}. {ENGLISH}</p>"
        "<p>A promise is kept when software keeps it: each has, or is to get, a check that runs against the live system. The "
        'line under it says when that check ran; <a href="/policy/status">what the checks found</a> is public too.</p>'
    )
    body = "".join(_section(facts, section) for section in text.sections)
    return _page("Privacy policy", "/policy", holds + head + _coming(facts) + body)


def status(facts: Facts) -> str:
    """Each clause: whether it is kept, what its check found, and when."""
    items = [item for section in facts.text.sections for item in section.items]
    kept = sum(found.state == "kept" and not is_stale(facts, found) for found in facts.stands.values())
    newest = max((found.checked_at for found in facts.stands.values()), default=None)
    told = f"{kept} of {len(items)} promises are kept" if newest else "Nothing was checked yet"
    when = f", checked {_time(newest)}" if newest else ""
    rows = "".join(
        f'<li id="{item.clause}"><strong>{item.clause}</strong> {escape(promise_of(facts, item))}'
        f"{_mark(facts, item.clause)}{_found(facts.stands.get(item.clause))}</li>"
        for item in items
    )
    body = (
        f"<h1>Is it kept?</h1><p>{told}{when}.</p>"
        '<p class="soft">The ids are those of the promises in the <a href="/policy">privacy policy</a>. '
        "What a check found holds counts and never data of a person. The checks run every hour.</p>"
        f'<ul class="plain">{rows}</ul>'
    )
    return _page("Is the privacy policy kept?", "/policy/status", body)


def subprocessors(facts: Facts) -> str:
    """Who else gets to see data, what, and what binds them."""
    body = (
        "<h1>Subprocessors</h1><p>They work for us and are told as much as their work needs. We sell no data. A change of "
        "this list is a change of the <a href='/policy'>privacy policy</a>: it is announced to owners of accounts at least "
        "14 days before it takes effect.</p>" + _coming(facts)
    )
    return _page("Subprocessors", "/subprocessors", body + "".join(map(_listed, facts.subprocessors)))


def unavailable() -> Response:
    body = _page(
        "Privacy", "", "<h1>Privacy</h1><p>This page cannot be shown right now. Try again in a moment.</p>"
    )
    headers = {**_HEADERS, "cache-control": "no-store", "retry-after": "30"}
    return {"statusCode": 503, "headers": headers, "body": body}


def html_of(page: str) -> Response:
    return {"statusCode": 200, "headers": dict(_HEADERS), "body": page}


# -- parts --------------------------------------------------------------------------------------------------


def _section(facts: Facts, section: Section) -> str:
    names = {"privacy": facts.reach.privacy, "support": facts.reach.support}
    lead = f"<p>{escape(section.lead)}</p>" if section.lead else ""
    items = "".join(
        f'<li id="{item.clause}">{escape(item.text.format(**names))}'
        f"{_mark(facts, item.clause, link=True)}</li>"
        for item in section.items
    )
    return (
        f'<section aria-labelledby="s{section.number}"><h2 id="s{section.number}">{section.number} '
        f'{escape(section.title)}</h2>{lead}<ul class="plain">{items}</ul></section>'
    )


def _mark(facts: Facts, clause: str, *, link: bool = False) -> str:
    """One line: in words, and never in colour alone. What nobody looked at for hours is not called kept."""
    found = facts.stands.get(clause)
    if found is None:
        look, told = "wait", "○ Not checked yet"
    elif found.state == "not built":
        look, told = "wait", "○ Not built yet"
    elif is_stale(facts, found):
        look, told = "wait", f"○ Not checked since {_time(found.checked_at)}{_passed(found)}"
    elif found.state == "kept":
        look, told = "kept", f"✓ Kept, checked {_time(found.checked_at)}"
    else:
        look, told = "broken", f"✗ Not kept since {_time(found.since)}{_passed(found)}"
    details = (
        f' <a href="/policy/status#{clause}" aria-label="Details of {clause}">{clause}</a>' if link else ""
    )
    return f'<span class="mark {look}">{told}{details}</span>'


def _passed(found: Stands) -> str:
    return f"; passed last {_time(found.passed_at)}" if found.passed_at else ""


def _found(found: Stands | None) -> str:
    if found is None or not found.sentence:
        return ""
    return f'<span class="mark soft">The check found: {escape(found.sentence)}.</span>'


def _in_force(facts: Facts) -> str:
    at = facts.version and facts.version.effective_at
    if at is None:
        return ""
    return f", {'in force since' if at <= facts.now else 'takes effect on'} {_day(at.date())}"


def _superseded(facts: Facts) -> str:
    coming = facts.version in facts.coming
    told = (
        "This version is announced and does not hold yet."
        if coming
        else "This version does not hold any more."
    )
    return f'<p class="box">{told} <a href="/policy">Read the one that holds.</a></p>'


def _coming(facts: Facts) -> str:
    return "".join(map(_announced, facts.coming))


def _announced(version: Version) -> str:
    at = version.effective_at
    when = (
        f"takes effect on {_day(at.date())}"
        if at
        else f"takes effect on {_day(version.announced_for.date())} at the earliest"
    )
    return (
        f'<div class="box" role="note"><h2>A new version is announced</h2><p>It is dated {_day(version.dated)} and {when} '
        f"(UTC). What is new: {escape(version.summary)}</p>"
        f'<p><a href="/policy/versions/{version.dated.isoformat()}">Read the new version</a></p></div>'
    )


def _listed(entry: Listed) -> str:
    facts = (
        ("Where", entry.country),
        ("What for", entry.purpose),
        ("What they are told", ", ".join(entry.data)),
        ("When", entry.only_when or "always"),
        (
            "About contacts",
            "yes" if entry.contacts else "no, only about people with an account or about nobody",
        ),
        ("Transfer rests on", MECHANISM[entry.mechanism]),
    )
    rows = "".join(f"<dt>{name}</dt><dd>{escape(told)}</dd>" for name, told in facts)
    return (
        f'<section class="box" id="{entry.key}"><h2>{escape(entry.name)}</h2><dl>{rows}'
        f'<dt>Document</dt><dd><a href="{escape(entry.link)}" rel="noreferrer">{escape(entry.document)}</a></dd>'
        f'<dt>Since</dt><dd><time datetime="{entry.since.isoformat()}">{_day(entry.since)}</time></dd></dl></section>'
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _time(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f'<time datetime="{at.isoformat(timespec="seconds")}">{_day(at.date())}, {at:%H:%M} UTC</time>'


def _page(title: str, path: str, body: str) -> str:
    here = ' aria-current="page"'
    links = "".join(
        f'<li><a href="{address}"{here if address == path else ""}>{name}</a></li>' for address, name in _NAV
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · LeadsRally</title><style>{_STYLE}</style></head>"
        f'<body><header><nav aria-label="Privacy"><ul>{links}</ul></nav></header><main>{body}</main>'
        '<footer class="soft"><p>LeadsRally</p></footer></body></html>'
    )
