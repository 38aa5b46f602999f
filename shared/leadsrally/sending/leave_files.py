"""Leave the files of a message with its provider, before the message is claimed.

A large file takes its time. Until the message is claimed nothing was sent, so whatever breaks here may be done again.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.types import Done, Result
from leadsrally.kit.errors import NotFound
from leadsrally.messaging.media.store import key_of
from leadsrally.sending import store
from leadsrally.sending.gate import Unready
from leadsrally.sending.hold_back import hold_back
from leadsrally.sending.post import Post
from leadsrally.sending.types import Depot, Left, NotProcessed, Rejected, StoredFile
from leadsrally.telemetry import log

KEPT: Final = timedelta(days=30)  # by Meta; providers/meta/depot.py


def leave_files(post: Post, organization_id: UUID, unready: Unready) -> Result | None:
    """None when all are there. What cannot be left now is tried later; what the provider refuses is final."""
    depot = post.depot_for(organization_id, unready.to)
    for file in unready.files:
        outcome = _leave(post, organization_id, depot, unready, file)
        now = post.clock()
        with post.db.tenant(organization_id) as tx:
            match outcome:
                case Left(provider_id):
                    store.left(tx, organization_id, file.id, provider_id, now + KEPT)
                case NotProcessed():
                    return hold_back(
                        tx, organization_id, unready.to, unready.conversation_id, outcome, now=now
                    )
                case Rejected(code):
                    store.give_up(tx, organization_id, unready.message_id, code)
                    log.info("message.file_refused", message_id=unready.message_id, code=code)
                    return Done()
    return None


def _leave(
    post: Post, organization_id: UUID, depot: Depot, unready: Unready, file: StoredFile
) -> Left | NotProcessed | Rejected:
    try:
        with post.files().storage.open(key_of(organization_id, file.id)) as chunks:
            return depot.leave(
                unready.to.phone_number_id,
                chunks,
                file_name=file.file_name,
                content_type=file.content_type,
                size=file.bytes,
            )
    except NotFound:  # erased, or lost
        return Rejected("file_missing")
