"""The second argument of a handler, as Lambda fills it."""

import time
from uuid import uuid4

from infra.local.functions import Function


class Context:
    """Name, request id and the time that is left."""

    def __init__(self, function: Function, request_id: str | None = None) -> None:
        self.function_name = function.name
        self.function_version = "local"
        self.invoked_function_arn = f"arn:aws:lambda:local:0:function:{function.name}"
        self.memory_limit_in_mb = function.memory_mb
        self.aws_request_id = request_id or str(uuid4())
        self.log_group_name = self.log_stream_name = "local"
        self._deadline = time.monotonic() + function.timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))
