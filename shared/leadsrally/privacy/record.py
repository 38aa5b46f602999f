"""The record of processing activities (GDPR Art. 30), written from the register."""

import json
from collections.abc import Iterable, Iterator

from leadsrally.privacy.register import HOST, REGISTER, Entry

_PEOPLE = {
    "contact": "people whom customers message (customer: controller; we: processor, Art. 30(2))",
    "user": "people of customers (we: controller, Art. 30(1))",
    "caller": "whoever calls an address of ours (we: controller, Art. 30(1))",
    "staff": "people of the operator (we: controller, Art. 30(1))",
}


def as_markdown(register: Iterable[Entry] = REGISTER) -> str:
    """One table for each group of people; a row for each purpose in each table of the database."""
    entries = list(register)
    lines = [
        "# Record of processing",
        "",
        f"Everything is hosted by {HOST.title()}, which is not repeated below.",
    ]
    for subject, whom in _PEOPLE.items():
        lines += ["", f"## Of {whom}", ""]
        lines += [
            "| data | in order to | basis | kept | when erased | shared with | policy |",
            "|" + "---|" * 7,
        ]
        lines += [_row(entry) for entry in entries if entry.subject == subject]
    return "\n".join(lines) + "\n"


def _row(entry: Entry) -> str:
    data = f"`{entry.table}`: {', '.join(entry.columns)}"
    shared = ", ".join(name.title() for name in entry.shared) or "nobody"
    cells = (
        data,
        entry.purpose,
        entry.basis.replace("_", " "),
        entry.kept,
        entry.erased,
        shared,
        entry.category,
    )
    return f"| {' | '.join(cells)} |"


_ROLES = {"contact": "processor", "user": "controller", "caller": "controller", "staff": "controller"}


def activities(register: Iterable[Entry] = REGISTER) -> Iterator[dict[str, object]]:
    """The same for a customer: of their contacts and their people, and of who calls them through us."""
    for entry in register:
        if entry.subject != "staff":
            yield {
                "subject": entry.subject,
                "role": _ROLES[entry.subject],
                "table": entry.table,
                "data": list(entry.columns),
                "purpose": entry.purpose,
                "basis": entry.basis,
                "kept": entry.kept.value,
                "erased": entry.erased.value,
                "shared": list(entry.shared),
                "clause": entry.category.value,
            }


def as_json(register: Iterable[Entry] = REGISTER) -> str:
    """The same for programs: a list of objects."""
    found = [
        {
            "table": entry.table,
            "columns": entry.columns,
            "subject": entry.subject,
            "purpose": entry.purpose,
            "basis": entry.basis,
            "kept": entry.kept,
            "exported": entry.exported,
            "erased": entry.erased,
            "shared": (HOST, *entry.shared),
            "clause": entry.category,
        }
        for entry in register
    ]
    return json.dumps(found, indent=1) + "\n"
