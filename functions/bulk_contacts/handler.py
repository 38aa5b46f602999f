"""Queue: what is done about many contacts at once, taken back, and written to files; and who of them is erased."""

from datetime import timedelta
from typing import Any

from leadsrally import runtime
from leadsrally.contacts.bulk.forget import forget_bulk
from leadsrally.contacts.bulk.run import run_bulk
from leadsrally.contacts.bulk.undo import undo_bulk
from leadsrally.contacts.bulk.write_file import write_file
from leadsrally.contacts.clear import clear_field, clear_tag
from leadsrally.privacy.erasure.many import erase_many


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the jobs that the event rings for. What takes longer than there is time asks to be gone on with."""
    door = runtime.of("bulk_contacts")
    desk = door.bulk_desk

    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    return door.serve(
        event,
        context,
        {
            "run": lambda job: run_bulk(desk, job, time_left),
            "export": lambda job: write_file(desk, job, time_left),
            "erase": lambda job: erase_many(desk, job, time_left),
            "undo": lambda job: undo_bulk(desk, job, time_left),
            "clear_field": lambda job: clear_field(desk, job, time_left),
            "clear_tag": lambda job: clear_tag(desk, job, time_left),
            "forget": lambda job: forget_bulk(desk, job),
        },
    )
