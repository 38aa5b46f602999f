"""Who else gets to see data, why, and what binds them (P4.1 to P4.7, P5.2). Pure data, shown at `/subprocessors`.

A change of this list is a change of the policy: `privacy/policy` takes its fingerprint, announces it and dates it.
Who is new has the day of the version that names them as `since`, and is shown as soon as that version is in force.
`domains` are what our code calls; a test finds every address in the code and wants it here (O11).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from leadsrally.disclosures.store import Subprocessor

Mechanism = Literal["standard_contractual_clauses"]
MECHANISM: Final[dict[Mechanism, str]] = {
    "standard_contractual_clauses": "Standard Contractual Clauses (Commission Implementing Decision (EU) 2021/914)"
}


@dataclass(frozen=True, slots=True)
class Listed:
    """One of them, as the public page shows it.

    `data` are the kinds of data it is told, `only_when` says what has to be so before it is told anything, and
    `document` names the contract that holds the clauses, which `link` leads to. `since` is the day from which it was
    part of the policy. `contacts`: whether anything about a customer's contacts goes there.
    """

    key: Subprocessor
    name: str
    country: str
    purpose: str
    data: tuple[str, ...]
    only_when: str | None
    contacts: bool
    mechanism: Mechanism
    document: str
    link: str
    since: date
    domains: tuple[str, ...]


_FIRST: Final = date(2026, 4, 17)
_SCC: Final[Mechanism] = "standard_contractual_clauses"

SUBPROCESSORS: Final[dict[Subprocessor, Listed]] = {
    found.key: found
    for found in (
        Listed(
            key="twilio",
            name="Twilio Inc.",
            country="United States",
            purpose="Delivers text messages and manages telephone numbers",
            data=("telephone numbers", "text of messages", "files of messages"),
            only_when="a customer has connected an SMS number",
            contacts=True,
            mechanism=_SCC,
            document="Twilio Data Protection Addendum",
            link="https://www.twilio.com/en-us/legal/data-protection-addendum",
            since=_FIRST,
            domains=("twilio.com", "twiliocdn.com"),
        ),
        Listed(
            key="meta",
            name="Meta Platforms Ireland Limited and Meta Platforms, Inc.",
            country="Ireland and United States",
            purpose="Delivers WhatsApp messages and hands over the answers of lead forms",
            data=("telephone numbers", "text of messages", "files of messages"),
            only_when="a customer has connected a WhatsApp number or a page with lead forms",
            contacts=True,
            mechanism=_SCC,
            document="WhatsApp Business Data Processing Terms",
            link="https://www.whatsapp.com/legal/business-data-processing-terms",
            since=_FIRST,
            domains=("facebook.com", "fbcdn.net", "fbsbx.com", "whatsapp.net"),
        ),
        Listed(
            key="anthropic",
            name="Anthropic, PBC",
            country="United States",
            purpose="Reads the last few messages of a conversation, to score them and to suggest replies",
            data=("the last messages of a conversation, without names, numbers and addresses",),
            only_when="a customer has switched on an AI feature",
            contacts=True,
            mechanism=_SCC,
            document="Anthropic Data Processing Addendum",
            link="https://www.anthropic.com/legal/data-processing-addendum",
            since=_FIRST,
            domains=("anthropic.com",),
        ),
        Listed(
            key="sentry",
            name="Functional Software, Inc. (Sentry)",
            country="United States",
            purpose="Keeps error reports and times of operations, so that faults are found",
            data=("technical ids", "places in our code"),
            only_when=None,
            contacts=False,
            mechanism=_SCC,
            document="Sentry Data Processing Addendum",
            link="https://sentry.io/legal/dpa/",
            since=_FIRST,
            domains=("sentry.io",),
        ),
        Listed(
            key="resend",
            name="Plus Five Five, Inc. (Resend)",
            country="United States",
            purpose="Delivers our own mail to people of our customers",
            data=("e-mail addresses of our customers' people", "what the mail says"),
            only_when=None,
            contacts=False,
            mechanism=_SCC,
            document="Resend Data Processing Addendum",
            link="https://resend.com/legal/dpa",
            since=_FIRST,
            domains=("resend.com",),
        ),
        Listed(
            key="railway",
            name="Railway Corporation",
            country="United States",
            purpose="Runs the application and its database",
            data=("everything that is stored",),
            only_when=None,
            contacts=True,
            mechanism=_SCC,
            document="Railway Data Processing Agreement",
            link="https://railway.com/legal/dpa",
            since=_FIRST,
            domains=("railway.com", "railway.app"),
        ),
        Listed(
            key="aws",
            name="Amazon Web Services EMEA SARL and Amazon Web Services, Inc.",
            country="Luxembourg and United States",
            purpose="Runs the application's functions, and keeps files of messages and exports",
            data=("what is being worked on", "files of messages", "exports", "encryption keys"),
            only_when=None,
            contacts=True,
            mechanism=_SCC,
            document="AWS GDPR Data Processing Addendum",
            link="https://aws.amazon.com/compliance/gdpr-center/",
            since=_FIRST,
            domains=("amazonaws.com", "amazon.com"),
        ),
    )
}

Host = Literal["railway", "aws"]
HOSTS: Final[tuple[Host, ...]] = ("railway", "aws")


def hosts_of(setting: str | None) -> tuple[Host, ...]:
    """Who runs this deployment, from `LEADSRALLY_HOSTED_BY`; Railway when it is unset. Unknown names are left out."""
    named = {name.strip().lower() for name in (setting or "railway").split(",")}
    return tuple(host for host in HOSTS if host in named)


def listed(hosts: tuple[Host, ...]) -> Iterator[Listed]:
    """Everyone who is told anything where the application is run by `hosts`."""
    return (found for key, found in SUBPROCESSORS.items() if key not in HOSTS or key in hosts)
