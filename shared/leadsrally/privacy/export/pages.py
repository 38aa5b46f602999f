"""What a person reads of an export: an overview of everything in it, and the talk with one contact."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final
from uuid import UUID

from leadsrally.disclosures.subprocessors import SUBPROCESSORS, Host
from leadsrally.kit.db import Database
from leadsrally.privacy.export.sheets import Sheet
from leadsrally.privacy.export.store import Export

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #d8dde3;"
    "vertical-align:top}time{color:#5a6470}p.out{margin-left:4rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where questions go (P11.1), and who has it all."""

    privacy: str
    support: str
    hosts: tuple[Host, ...] = ("railway",)
    policy: str = ""  # the address under which the policy and the subprocessors are read


# An export of nobody, for whoever checks what the pages say.
SPECIMEN: Final = Export(
    UUID(int=0), UUID(int=0), None, UUID(int=0), datetime(2026, 11, 24, tzinfo=UTC), "ready", {}, {}, 0, 0, 1
)


def overview(
    export: Export, sheets: Sequence[Sheet], counts: Mapping[str, int], reach: Reach, now: datetime
) -> bytes:
    """`index.html`: what there is, how much of it, what each table was kept for, and whom to turn to."""
    whom = "your organisation" if export.contact_id is None else "one contact"
    found = [sheet for sheet in sheets if counts.get(sheet.table)]
    rows = "".join(
        f"<tr><td><b>{escape(sheet.table)}</b><br>{escape(sheet.folder)}/{escape(sheet.table)}.jsonl, .csv</td>"
        f"<td>{counts[sheet.table]:,}</td><td>{escape('; '.join(sheet.purposes))}</td></tr>"
        for sheet in found
    )
    empty = ", ".join(sheet.table for sheet in sheets if not counts.get(sheet.table))
    files = counts.get("files", 0)
    talk = (
        "" if export.contact_id is None else '<p><a href="conversations.html">Read the conversations</a></p>'
    )
    body = f"""
<h1>Export from LeadsRally</h1>
<p>Everything kept about {whom}, asked for on {_time(export.requested_at)} and complete on {_time(now)}.</p>
{talk}
<h2>What is in it</h2>
<table><tr><th>Table</th><th>Rows</th><th>Kept in order to</th></tr>{rows}</table>
<p>Files of messages, in <b>files/</b>: {files:,}. Nothing was found in: {escape(empty) or "no table"}.</p>
<h2>How to read it</h2>
<p><b>.jsonl</b> files hold one JSON object a line, exactly as stored, with times in UTC. <b>.csv</b> files hold the
same for spreadsheets; a cell that a spreadsheet would run as a formula has an apostrophe in front of it. A large
table goes on in files numbered .2, .3 …, and a large export in further parts, each with a <b>manifest.json</b> that
lists its files with their size and SHA-256.</p>
<p>Left out is what would let somebody in (password hashes, keys, credentials), hashes that cannot be read back, and
copies of what is here already.</p>
<h2>Who else was told</h2>
<p>Each time data of a contact was passed on is a row of <b>disclosures</b>, with who was told, what for, what kind of data
and when. Everything that is stored lies with {_hosts(reach)}. Who they are, and what binds them:
{escape(reach.policy)}/subprocessors.</p>
<h2>If something is wrong</h2>
<p>Details can be corrected in the product at any time. Questions about privacy: {escape(reach.privacy)}; anything
else: {escape(reach.support)}. You may also complain to the data protection authority of where you live or work, or
where you think the law was broken (GDPR Art. 77).</p>
"""
    return _page("Export from LeadsRally", body)


def _hosts(reach: Reach) -> str:
    return escape(" and with ".join(SUBPROCESSORS[host].name for host in reach.hosts)) or "the operator"


_TALK = """
SELECT m.id, m.direction, m.body, m.kind, m.created_at, ch.kind AS channel
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE m.organization_id = %(organization_id)s
   AND c.contact_id = %(contact_id)s
   AND m.id > %(after)s
 ORDER BY m.id
 LIMIT 1000
"""


def conversations(db: Database, organization_id: UUID, contact_id: UUID) -> Iterator[bytes]:
    """`conversations.html`: every message with one contact, oldest first."""
    head, tail = _page("Conversations", "\n<!-- -->\n").split(b"<!-- -->")
    yield head + b"<h1>Conversations</h1>"
    after = UUID(int=0)
    while True:
        with db.tenant(organization_id) as tx:
            found = tx.dicts(
                _TALK, {"organization_id": organization_id, "contact_id": contact_id, "after": after}
            )
        yield "".join(map(_message, found)).encode()
        if len(found) < 1000:
            break
        after = found[-1]["id"]
    yield tail


def _message(row: Mapping[str, object]) -> str:
    at = row["created_at"]
    when = _time(at) if isinstance(at, datetime) else ""
    who, side = ("Contact", "in") if row["direction"] == "inbound" else ("Organisation", "out")
    text = escape(str(row["body"] or f"({row['kind']})")).replace("\n", "<br>")
    return f'<p class="{side}"><time>{when}</time> {who}, {escape(str(row["channel"]))}:<br><bdi>{text}</bdi></p>\n'


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _page(title: str, body: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE}</style>{body}</html>"
    ).encode()
