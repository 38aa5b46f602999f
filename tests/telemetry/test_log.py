"""Whatever is thrown at the log, what comes out is one line of ids, counts, durations and closed words."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, cast
from uuid import UUID

import pytest

from leadsrally.kit.errors import Conflict
from leadsrally.telemetry import log
from leadsrally.telemetry.foreign import Foreign, withhold_foreign

PHONE = "+15550100001"
EMAIL = "jane.doe@example.com"
BODY = "Please call my sister about the house"
TOKEN = "0123456789abcdef0123456789abcdef"  # the form of a Twilio auth token
MESSAGE = UUID("018f0000-0000-7000-8000-0000000000a1")

Lines = Callable[[], list[dict[str, Any]]]


class Word(StrEnum):
    STOP = "stop_word"
    PHONE = "+15550100001"


class Size(IntEnum):
    SMALL = 3


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test reads the level anew, and leaves the process' logger to the next as it found it."""
    log._logger.cache_clear()
    logger = logging.getLogger("leadsrally")
    state = logger.__dict__.copy()
    handlers = list(logger.handlers)
    logger.__dict__.pop("init", None)
    logger.__dict__.pop("powertools_handler", None)
    logger.handlers.clear()
    yield
    logger.__dict__.clear()
    logger.__dict__.update(state)
    logger.handlers[:] = handlers
    log._logger.cache_clear()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_tells_event_level_time_and_fields(lines: Lines) -> None:
    log.info(
        "inbound.stored",
        message_id=MESSAGE,
        duration_ms=12.34567,
        count=3,
        duplicate=False,
        reason="stop_word",
    )
    (line,) = lines()
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "event": "inbound.stored",
        "message_id": str(MESSAGE),
        "duration_ms": 12.346,
        "count": 3,
        "duplicate": False,
        "reason": "stop_word",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reason", "twilio.21610"),
        ("provider_status", "undelivered"),
        ("error_code", "key_in_use"),
        ("model", "claude-haiku-5-5"),
        ("whatever", Word.STOP),
        ("size", Size.SMALL),
        ("request_id", "JKJaXmPLvHcESHA="),
        ("request_id", "018f0000-0000-7000-8000-0000000000a1"),
        ("swept_rows", 987_654_321),
        ("nothing", None),
    ],
)
def test_harmless_values_pass(lines: Lines, name: str, value: object) -> None:
    log.info("a.b", **{name: value})
    assert lines()[0][name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("body", BODY),
        ("body", "stop"),
        ("name", "jane"),
        ("phone", PHONE),
        ("reason", PHONE),
        ("reason", "15550100001"),
        ("count", 15550100001),
        ("count", 15550100001.0),
        ("count", -15550100001),
        ("count", 10**400),
        ("count", float("nan")),
        ("count", float("inf")),
        ("to", EMAIL),
        ("code", TOKEN),
        ("code", "a" * 65),
        ("message_id", PHONE),
        ("message_id", "SM" + TOKEN),
        ("request_id", "15550100001"),
        ("request_id", "Bearer abc"),
        ("reason", "a b"),
        ("reason", "Jane"),
        ("reason", "é"),
        ("reason", Word.PHONE),
        ("reason", "stop\n"),
        ("any", b"bytes"),
        ("any", [1]),
        ("any", {"count": 1}),
        ("any", Decimal(1)),
        ("any", object()),
        ("any", ValueError(BODY)),
    ],
)
def test_O4_anything_else_is_withheld(lines: Lines, name: str, value: object) -> None:
    log.info("a.b", **{name: value})
    assert lines()[0][name] == "[withheld]"


def test_O4_a_value_cannot_pose_as_a_name_or_an_event(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    log.info(cast("Any", f"sms.{PHONE}"), **{PHONE: 1, EMAIL: 2, "level": 3, "timestamp": 4})
    log.info(cast("Any", BODY))
    log.info(cast("Any", "a.b\r\nforged.line"))
    log.info(cast("Any", "a." + "b" * 64))
    shown = capsys.readouterr().out
    assert [json.loads(line)["event"] for line in shown.splitlines()] == ["[withheld]"] * 4
    assert PHONE not in shown
    assert EMAIL not in shown
    assert all(json.loads(line)["level"] == "INFO" for line in shown.splitlines())


@pytest.mark.parametrize(
    "name", ["name", "msg", "args", "module", "process", "thread", "exc_info", "message", "extra"]
)
def test_no_field_name_breaks_the_line(lines: Lines, name: str) -> None:
    log.info("a.b", **{name: 1})
    assert lines()[0][name] == 1


@pytest.mark.parametrize(
    "hostile",
    [
        "a\r\nb",
        'x"},{"level":"ERROR"',
        "\x1b[2J\x1b[31mred",
        "\u2028\u2029\x85\x0b\x0c\x1c",
        "\x00",
        "\ud800",
        "%s %(level)s {0}",
    ],
)
def test_I11_nothing_breaks_a_line_or_speaks_to_a_terminal(
    capsys: pytest.CaptureFixture[str], hostile: str
) -> None:
    with log.bound(request_id=hostile, function=hostile):
        log.info(cast("Any", f"a.{hostile}"), reason=hostile, **{hostile: hostile})
    log.error(
        "a.b",
        error=type(hostile, (Exception,), {})(hostile)
        if "\x00" not in hostile and "\ud800" not in hostile
        else None,
    )
    shown = capsys.readouterr().out
    assert shown.count("\n") == 2
    assert len(shown.splitlines()) == 2
    assert shown.isascii()
    assert "\x1b" not in shown
    for line in shown.splitlines():
        assert json.loads(line)["level"] in {"INFO", "ERROR"}
        assert hostile not in json.loads(line).values()


def fail_with(text: str) -> None:
    secret_local = text
    raise ValueError(secret_local)


def test_O4_G4_an_error_tells_class_and_stack_and_no_word_of_its_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        try:
            fail_with(f"{PHONE} {EMAIL} {TOKEN} {BODY}")
        except ValueError as cause:
            cause.add_note(PHONE)
            raise Conflict(BODY, code="key_in_use") from cause
    except Conflict as caught:
        log.error("inbound.failed", error=caught)
    shown = capsys.readouterr().out
    told = json.loads(shown)["error"]
    assert told["class"] == "leadsrally.kit.errors.Conflict"
    assert told["code"] == "key_in_use"
    assert told["caused_by"] == ["ValueError"]
    assert (
        told["stack"][-1].startswith("main/tests/telemetry/test_log.py:")
        or "test_log.py:" in told["stack"][-1]
    )
    for canary in (PHONE, EMAIL, TOKEN, BODY, "secret_local"):
        assert canary not in shown


def test_O5_a_postgres_error_tells_its_state_and_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    from psycopg.errors import UniqueViolation

    failed = UniqueViolation(f"duplicate key\nDETAIL:  Key (phone)=({PHONE}) already exists.")
    log.warning("contact.clash", error=failed)
    shown = capsys.readouterr().out
    assert json.loads(shown)["error"]["class"] == "psycopg.errors.UniqueViolation"
    assert json.loads(shown)["error"]["code"] == "23505"
    assert PHONE not in shown


def test_O4_a_code_that_is_not_one_is_left_out(lines: Lines) -> None:
    for code in (PHONE, "15550100001", BODY, 7, TOKEN.upper()):
        failed = ValueError()
        failed.code = code  # type: ignore[attr-defined]
        log.error("a.b", error=failed)
    assert all("code" not in line["error"] for line in lines())


def test_a_runaway_recursion_leaves_a_readable_line(lines: Lines) -> None:
    def dig() -> None:
        dig()

    try:
        dig()
    except RecursionError as caught:
        log.error("a.b", error=caught)
    assert len(lines()[0]["error"]["stack"]) <= 40


def test_bound_fields_hold_inside_the_block_and_nowhere_else(lines: Lines) -> None:
    with log.bound(request_id=MESSAGE, function="webhook_twilio"):
        log.info("outer.one")
        with log.bound(organization_id=MESSAGE, function="other"):
            log.info("inner.one")
        log.info("outer.two")
    log.info("after.all")
    outer, inner, again, after = lines()
    assert outer["function"] == again["function"] == "webhook_twilio"
    assert inner["function"] == "other"
    assert inner["organization_id"] == inner["request_id"] == str(MESSAGE)
    assert "organization_id" not in again
    assert "request_id" not in after


def test_bound_fields_leave_with_an_exception_too(lines: Lines) -> None:
    with pytest.raises(ValueError), log.bound(request_id=MESSAGE):
        raise ValueError
    log.info("next.invocation")
    assert "request_id" not in lines()[0]


def test_bound_fields_do_not_cross_threads(lines: Lines) -> None:
    """Two requests at once in one process: every line carries the ids of its own."""
    meet = threading.Barrier(2, timeout=5)

    def serve(number: int) -> None:
        with log.bound(request_id=UUID(int=number)):
            for _ in range(50):
                meet.wait()
                log.info("request.served", count=number)

    threads = [threading.Thread(target=serve, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served = lines()
    assert len(served) == 100
    assert all(line["request_id"] == str(UUID(int=line["count"])) for line in served)


def test_bound_fields_can_be_handed_on(lines: Lines) -> None:
    with log.bound(request_id=MESSAGE, function="tick"):
        kept = log.bound_fields()
    with log.bound(**kept):
        log.info("a.b")
    (line,) = lines()
    assert line["request_id"] == str(MESSAGE)
    assert line["function"] == "tick"


@pytest.mark.parametrize(("level", "events"), [("DEBUG", 4), ("warning", 2), ("ERROR", 1), ("nonsense", 3)])
def test_the_setting_says_how_much_is_written(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, level: str, events: int
) -> None:
    monkeypatch.setenv("LEADSRALLY_LOG_LEVEL", level)
    log.debug("a.b")
    log.info("a.b")
    log.warning("a.b")
    log.error("a.b")
    assert len(lines()) == events


def test_O4_words_written_past_the_door_are_withheld(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("a.b")
    logging.getLogger("leadsrally").error("calling %s", PHONE, extra={"body": BODY})
    logging.getLogger("leadsrally.sub").error(BODY)
    shown = capsys.readouterr().out
    assert [json.loads(line)["event"] for line in shown.splitlines()] == ["a.b", "[withheld]", "[withheld]"]
    assert PHONE not in shown
    assert BODY not in shown


@pytest.fixture
def root_put_back() -> Iterator[None]:
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before


@pytest.mark.usefixtures("root_put_back")
def test_O4_O5_other_libraries_may_say_that_but_not_what(
    capsys: pytest.CaptureFixture[str],
) -> None:
    withhold_foreign()
    assert [type(handler) for handler in logging.getLogger().handlers] == [Foreign]
    library = logging.getLogger("psycopg.pool")
    library.warning("error connecting to %s", PHONE)
    try:
        fail_with(BODY)
    except ValueError:
        library.exception("while sending to %s", EMAIL)
    shown = capsys.readouterr()
    first, second = (json.loads(line) for line in shown.out.splitlines())
    assert (first["event"], first["logger"], first["level"]) == ("foreign.logged", "psycopg", "WARNING")
    assert second["error"]["class"] == "ValueError"
    for canary in (PHONE, EMAIL, BODY):
        assert canary not in shown.out + shown.err


def test_a_light_door_can_afford_this_room() -> None:
    """Beside psycopg, telemetry and crypto add some 20 ms; none of the heavy libraries may come with them."""
    import subprocess
    import sys

    code = (
        "import sys; import leadsrally.telemetry.log, leadsrally.telemetry.errors, leadsrally.telemetry.foreign;"
        "import leadsrally.telemetry.crash, leadsrally.kit.crypto, leadsrally.providers.keys.local;"
        "heavy = {'boto3', 'botocore.session', 'sentry_sdk', 'pydantic', 'anthropic', 'aws_xray_sdk', 'cryptography', 'requests'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
