"""Other people's log lines, kept to what they cannot misuse: which library, how grave, which line of its code.

Libraries write what they like into the log: psycopg's pool the text of a database error, HTTP clients a whole
address with its token, Twilio's client the body of each message. Their words never reach our log.
"""

import logging

from leadsrally.telemetry import log


class Foreign(logging.Handler):
    """Turns any record into the event `foreign.logged`, without its message, arguments or exception text."""

    def emit(self, record: logging.LogRecord) -> None:
        failed = record.exc_info[1] if record.exc_info else None
        library = record.name.partition(".")[0].lower()
        if record.levelno >= logging.ERROR:
            log.error("foreign.logged", error=failed, logger=library, code_line=record.lineno)
        elif record.levelno >= logging.WARNING:
            log.warning("foreign.logged", error=failed, logger=library, code_line=record.lineno)
        else:
            log.debug("foreign.logged", logger=library, code_line=record.lineno)


def withhold_foreign() -> None:
    """Makes `Foreign` the only handler at the root, in place of what the host or Lambda's runtime put there.

    Called once at start-up. Does not reach loggers that bring handlers of their own and do not propagate;
    uvicorn's are of that kind unless it is started without a log configuration.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(Foreign())
