"""An invoice as a page to read, to print and to keep: HTML with nothing around it, no script and no other host."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import date
from html import escape
from importlib import resources
from typing import Final

from leadsrally.billing.types import Invoice, Line
from leadsrally.kit.money import Money

_UNITS: Final = {
    "plan": "Plan, days",
    "sms_in": "Texts received, parts",
    "sms_out": "Texts sent, parts",
    "mms_in": "MMS received",
    "mms_out": "MMS sent",
    "whatsapp_out": "WhatsApp messages sent",
    "ai_input": "AI, tokens read",
    "ai_output": "AI, tokens written",
    "ai_cache_read": "AI, tokens read from the cache",
    "ai_cache_write": "AI, tokens written to the cache",
}


_STYLE: Final = (resources.files("leadsrally.billing") / "page.css").read_text(encoding="utf-8")
# The page may use this style and nothing else: https://www.w3.org/TR/CSP3/#grammardef-hash-source
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    f"{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)


def file_name(invoice: Invoice) -> str:
    return f"invoice-{invoice.number}.html"


def page(invoice: Invoice, lines: Sequence[Line]) -> str:
    """The whole page. It carries its policy with it, so that a kept copy is as closed as a served one."""
    facts = (
        ("Number", invoice.number),
        ("Issued", f"{invoice.issued_at:%Y-%m-%d}"),
        ("Month", f"{invoice.month:%Y-%m} (UTC)"),
        ("From", invoice.seller),
        ("To", f"{invoice.customer_name}\n{invoice.customer_country}".strip()),
        ("Plan", invoice.plan),
    )
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="content-security-policy" content="{escape(CONTENT_SECURITY_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Invoice {escape(invoice.number)}</title><style>{_STYLE}</style></head><body><main>",
            f"<h1>Invoice {escape(invoice.number)}</h1><dl>",
            *(f"<dt>{name}</dt><dd>{escape(told)}</dd>" for name, told in facts),
            "</dl><table><caption>What was used, and what it costs</caption><thead><tr>",
            '<th scope="col">What</th><th scope="col">Month</th>',
            *(
                f'<th scope="col" class="number">{name}</th>'
                for name in ("Quantity", "Of it included", "Price", "Amount")
            ),
            "</tr></thead><tbody>",
            *(_row(line, invoice.month, invoice.currency) for line in lines),
            '</tbody><tfoot><tr><th scope="row" colspan="5">Total, without tax</th>',
            f'<td class="number">{Money(invoice.total, invoice.currency)}</td></tr></tfoot></table>',
            "<p>All days and months are of UTC. A line of an earlier month corrects that month’s invoice.</p>",
            "</main></body></html>",
        )
    )


def _row(line: Line, month: date, currency: str) -> str:
    name = _UNITS[line.kind] + (f": {line.detail}" if line.detail else "")
    if line.month < month:
        name += " (correction)"
    numbers = (
        f"{line.quantity:,}",
        f"{line.included:,}" if line.included else "",
        f"{Money(line.price, currency)}" + (f" for {line.per:,}" if line.per > 1 else ""),
        str(Money(line.amount, currency)),
    )
    cells = "".join(f'<td class="number">{told}</td>' for told in numbers)
    return f'<tr><th scope="row">{escape(name)}</th><td>{line.month:%Y-%m}</td>{cells}</tr>'
