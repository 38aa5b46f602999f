"""Queue: look at the files that customers upload, try them, run them, undo them; write lists of suppressions."""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.contacts.export_suppressions import export_suppressions, forget_export
from leadsrally.contacts.imports.forget import forget_import
from leadsrally.contacts.imports.look import look
from leadsrally.contacts.imports.run import check_import, run_import
from leadsrally.contacts.imports.undo import undo_import


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the jobs that the event rings for. What takes longer than there is time asks to be gone on with."""
    door = runtime.of("import_contacts")
    desk = door.import_desk

    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    return door.serve(
        event,
        context,
        {
            "look": lambda job: look(desk, job),
            "check": lambda job: check_import(desk, job),
            "run": lambda job: run_import(desk, job, time_left),
            "undo": lambda job: undo_import(desk, job, time_left),
            "forget": lambda job: forget_import(desk, job),
            "export_suppressions": lambda job: export_suppressions(desk, job),
            "forget_export": lambda job: forget_export(desk, job),
        },
    )
