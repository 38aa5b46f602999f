"""Lets an error escape from a Lambda function without its text.

The Lambda runtime writes the text of whatever escapes from a handler to the log and to the trace, past every filter
of ours. So a door that must fail (for the queue to deliver again) fails with this:

    except Exception as error:
        log.error("job.failed", error=error)
        raise crash.nameless(error) from None
"""

from leadsrally.telemetry import failure


class Crash(Exception):
    """Stands for an error that was logged already. Its text is a class name and, where there is one, a code."""


def nameless(error: BaseException) -> Crash:
    """What may escape in place of `error`. Raise it `from None`, or the chain brings the text back."""
    failed = failure.told(error)[0]
    return Crash(f"{failed.name} {failed.code}" if failed.code else failed.name)
