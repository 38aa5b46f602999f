"""SQS as a bell: a message carries a job's id and nothing else, so that a queue never holds personal data."""

import json
from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from leadsrally.telemetry import log

# boto3 waits a minute and tries five times. A webhook has twelve seconds and has committed already: a bell
# that does not answer at once is left to the tick.
_IMPATIENT: Final[dict[str, Any]] = {
    "connect_timeout": 1,
    "read_timeout": 2,
    "retries": {"total_max_attempts": 2, "mode": "standard"},
}


class SqsBell:
    """Rings the queue of a function. A bell that fails is no error: the tick rings again within minutes."""

    def __init__(self, address_up_to_name: str, *, client: Any = None) -> None:
        self._prefix = address_up_to_name
        self._client: Any = client

    def ring(self, queue: str, ids: Sequence[UUID]) -> None:
        """Send one message for each id, ten to a call (the most SQS takes)."""
        try:
            client = self._sqs()
            for ten in (ids[start : start + 10] for start in range(0, len(ids), 10)):
                answer = client.send_message_batch(
                    QueueUrl=self._prefix + queue,
                    Entries=[
                        {"Id": str(place), "MessageBody": json.dumps({"job": str(job_id)})}
                        for place, job_id in enumerate(ten)
                    ],
                )
                if refused := answer.get("Failed"):  # SQS answers 200 for a batch of which it took a part
                    log.warning("bell.refused", queue=queue, count=len(refused))
        except Exception as error:  # noqa: BLE001  the job is durable; only the hint is lost
            log.warning("bell.failed", queue=queue, count=len(ids), error=error)

    def _sqs(self) -> Any:
        if self._client is None:
            import boto3  # 300 ms, and most invocations of a light door never ring
            from botocore.config import Config

            self._client = cast("Any", boto3).client("sqs", config=Config(**_IMPATIENT))
        return self._client


def rung(event: dict[str, Any]) -> tuple[list[UUID], list[str]]:
    """The job ids of an SQS event, and the message ids of records that carry none.

    An unreadable record is poison: it is reported as failed so that SQS moves it to the dead-letter queue.
    """
    ids: list[UUID] = []
    unreadable: list[str] = []
    for record in event["Records"]:
        try:
            ids.append(UUID(json.loads(record["body"])["job"]))
        # `UUID` raises AttributeError for a number, and a deep nest of brackets exhausts the parser's stack.
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            unreadable.append(record["messageId"])
    return ids, unreadable
