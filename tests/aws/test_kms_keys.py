"""KMS as the holder of the master key, through boto3 against an emulator: O6 of the ways in which a vault fails."""

import asyncio
import base64
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from infra.simulators.running import Running
from leadsrally import runtime
from leadsrally.kit.crypto import KeyRefused, SealBroken, SealContext, Vault
from leadsrally.kit.errors import OUR_FAULT, LeadsRallyError, Unavailable
from leadsrally.kit.settings import Settings
from leadsrally.messaging.channels.directory import KEPT_FOR, twilio_context
from leadsrally.providers.keys import kms
from leadsrally.providers.keys.kms import KmsKeys
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.providers.keys.moving import MovingKeys
from leadsrally.providers.twilio.signature import TwilioCredentials
from leadsrally.runtime import Runtime
from tests.aws.emulator import PROGRAM, Emulator
from tests.world import SETTINGS, Line, Org, World

CANARY = b"canary-77c2-auth-token"
ORGANIZATION = UUID("018f0000-0000-7000-8000-000000000001")
ROW = UUID("018f0000-0000-7000-8000-0000000000a1")
HERE = SealContext(ORGANIZATION, "twilio.credentials", ROW)

NEW = {"account_sid": "AC" + "d" * 32, "auth_token": "canary-0123456789abcdef", "number": "+15005550123"}

needs_emulator = pytest.mark.skipif(
    not PROGRAM.exists(), reason="no emulator of AWS: `make .venv-aws/ready` installs it"
)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture
def reached(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The environment of a process that may ask the emulator; gives an administrator's client."""
    _point_at(emulator.url, monkeypatch)
    return emulator.client("kms")


def _point_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": url,
    }.items():
        monkeypatch.setenv(name, value)


def made(admin: Any) -> str:
    return admin.create_key()["KeyMetadata"]["Arn"]


@needs_emulator
class TestSealing:
    def test_what_is_sealed_opens_in_another_process(self, reached: Any):
        arn = made(reached)
        blob = Vault(KmsKeys([arn])).seal(CANARY, HERE)
        assert Vault(KmsKeys([arn])).open(blob, HERE) == CANARY
        assert CANARY not in blob

    def test_a_key_may_be_named_by_its_id(self, reached: Any):
        name = made(reached).rpartition("/")[2]
        vault = Vault(KmsKeys([name]))
        blob = vault.seal(CANARY, HERE)
        assert vault.open(blob, HERE) == CANARY
        assert vault.key_id(blob) == name

    @pytest.mark.parametrize(
        "elsewhere",
        [
            SealContext(uuid4(), HERE.purpose, ROW),
            SealContext(ORGANIZATION, "twilio.replacement", ROW),
            SealContext(ORGANIZATION, HERE.purpose, uuid4()),
        ],
        ids=["other tenant", "other purpose", "other row"],
    )
    def test_O6_a_blob_moved_elsewhere_does_not_open(self, reached: Any, elsewhere: SealContext):
        vault = Vault(KmsKeys([made(reached)]))
        blob = vault.seal(CANARY, HERE)
        for act in (vault.open, vault.rewrap):
            with pytest.raises(SealBroken) as caught:
                act(blob, elsewhere)
            assert caught.value.code == "seal_broken"

    def test_O6_kms_itself_compares_the_place(self, reached: Any):
        """Not our second layer alone: the data key does not come back for another place."""
        keys = KmsKeys([made(reached)])
        wrapped = keys.wrap(b"k" * 32, HERE)
        assert keys.unwrap(wrapped, HERE) == b"k" * 32
        with pytest.raises(SealBroken):
            keys.unwrap(wrapped, SealContext(uuid4(), HERE.purpose, ROW))

    def test_O6_every_cut_fails_closed(self, reached: Any):
        keys = KmsKeys([made(reached)])
        wrapped = keys.wrap(b"k" * 32, HERE)
        for end in (*range(90), len(wrapped) - 1):
            with pytest.raises(LeadsRallyError):
                keys.unwrap(wrapped[:end], HERE)

    def test_O6_a_blob_of_another_key_is_asked_of_nobody(self, reached: Any):
        theirs, ours = made(reached), made(reached)
        blob = Vault(KmsKeys([theirs])).seal(CANARY, HERE)
        asked: list[str] = []
        keys = KmsKeys([ours])
        keys._client = asked.append  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(SealBroken) as caught:
            Vault(keys).open(blob, HERE)
        assert (caught.value.code, asked) == ("seal_key_unknown", [])

    def test_O6_relabelling_to_another_key_does_not_open(self, reached: Any):
        """KMS answers IncorrectKeyException; the emulator gives some other key, which opens nothing either."""
        theirs, ours = made(reached), made(reached)
        blob = Vault(KmsKeys([theirs])).seal(CANARY, HERE)
        with pytest.raises(SealBroken):
            Vault(KmsKeys([ours, theirs])).open(blob.replace(theirs.encode(), ours.encode()), HERE)


@needs_emulator
class TestKeyTakenAway:
    def test_O6_a_disabled_key_closes_and_opens_again_as_it_was(self, reached: Any):
        arn, other = made(reached), made(reached)
        vault, neighbour = Vault(KmsKeys([arn])), Vault(KmsKeys([other]))
        blob, theirs = vault.seal(CANARY, HERE), neighbour.seal(CANARY, HERE)
        reached.disable_key(KeyId=arn)
        for act in (lambda: vault.open(blob, HERE), lambda: vault.seal(CANARY, HERE)):
            with pytest.raises(KeyRefused) as caught:
                act()
            assert caught.value.kind in OUR_FAULT, "or nobody would be told"
        assert neighbour.open(theirs, HERE) == CANARY
        reached.enable_key(KeyId=arn)
        assert vault.open(blob, HERE) == CANARY

    def test_O6_a_key_on_its_way_out_is_refused(self, reached: Any):
        arn = made(reached)
        vault = Vault(KmsKeys([arn]))
        blob = vault.seal(CANARY, HERE)
        reached.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
        with pytest.raises(KeyRefused):
            vault.open(blob, HERE)


class TestTrouble:
    """KMS that answers badly or not at all."""

    ARN = "arn:aws:kms:eu-west-1:000000000000:key/" + "0" * 36

    @pytest.fixture
    def answering(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
        told: dict[str, Any] = {"asked": 0}

        async def answer(request: Request) -> JSONResponse:
            told["asked"] += 1
            words = {"__type": told["code"], "message": f"quotes {ORGANIZATION} and canary"}
            return JSONResponse(words, told["status"], media_type="application/x-amz-json-1.1")

        with Running(Starlette(routes=[Route("/", answer, methods=["POST"])])) as server:
            _point_at(server.base_url, monkeypatch)
            yield told

    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            (400, "ThrottlingException", Unavailable),
            (400, "LimitExceededException", Unavailable),
            (500, "KMSInternalException", Unavailable),
            (500, "KeyUnavailableException", Unavailable),
            (503, "Whatever", Unavailable),
            (400, "AccessDeniedException", KeyRefused),
            (400, "NotFoundException", KeyRefused),
            (400, "ExpiredTokenException", KeyRefused),
            (400, "KMSInvalidStateException", KeyRefused),
            (400, "InvalidCiphertextException", SealBroken),
            (400, "IncorrectKeyException", SealBroken),
        ],
    )
    def test_O6_each_answer_has_its_meaning(
        self, answering: dict[str, Any], status: int, code: str, expected: type[LeadsRallyError]
    ):
        answering |= {"status": status, "code": code}
        wrapped = b"\x00" + bytes([len(self.ARN)]) + self.ARN.encode() + b"ciphertext"
        with pytest.raises(LeadsRallyError) as caught:
            KmsKeys([self.ARN]).unwrap(wrapped, HERE)
        assert type(caught.value) is expected
        assert caught.value.__cause__ is None
        assert "canary" not in f"{caught.value!r}{caught.value.sentence}{caught.value.code}"
        assert answering["asked"] <= 2, "a webhook cannot wait for more"

    def test_a_service_that_is_away_is_away(self, closed_port: int, monkeypatch: pytest.MonkeyPatch):
        _point_at(f"http://127.0.0.1:{closed_port}", monkeypatch)
        with pytest.raises(Unavailable) as caught:
            KmsKeys([self.ARN]).wrap(b"k" * 32, HERE)
        assert caught.value.code == "key_service"

    def test_what_it_waits_for_at_most_leaves_a_webhook_its_time(self):
        once = kms._IMPATIENT["connect_timeout"] + kms._IMPATIENT["read_timeout"]
        assert once * kms._IMPATIENT["retries"]["total_max_attempts"] < 7  # seconds, of Twilio's fifteen

    def test_a_process_without_credentials_is_closed(self, monkeypatch: pytest.MonkeyPatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # it keeps what it found once
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        with pytest.raises(KeyRefused):
            KmsKeys([self.ARN]).wrap(b"k" * 32, HERE)


@needs_emulator
class TestMoving:
    """From local master keys to KMS, key by key and without a moment in which something does not open."""

    def test_both_open_and_kms_seals(self, reached: Any):
        local = LocalKeys({"test-1": b"o" * 32}, "test-1")
        moving = Vault(MovingKeys(KmsKeys([made(reached)]), local))
        before = Vault(local).seal(CANARY, HERE)
        assert moving.open(before, HERE) == CANARY
        assert not moving.is_current(before)
        assert moving.key_id(before) == "test-1"

        after = moving.rewrap(before, HERE)
        assert moving.is_current(after)
        assert moving.open(after, HERE) == CANARY
        assert Vault(moving.keys.kms).open(after, HERE) == CANARY  # pyright: ignore[reportAttributeAccessIssue]

    def test_neither_alone_takes_the_others_for_its_own(self, reached: Any):
        local, kms = LocalKeys({"test-1": b"o" * 32}, "test-1"), KmsKeys([made(reached)])
        for mine, other in ((local, kms), (kms, local)):
            blob = Vault(other).seal(CANARY, HERE)
            with pytest.raises(SealBroken):
                Vault(mine).open(blob, HERE)
            with pytest.raises(SealBroken):
                Vault(mine).is_current(blob)

    @pytest.mark.parametrize(
        ("named", "local", "expected"),
        [(False, True, LocalKeys), (True, False, KmsKeys), (True, True, MovingKeys)],
    )
    def test_the_settings_choose(self, reached: Any, named: bool, local: bool, expected: type):
        values = {"LEADSRALLY_KMS_KEY": made(reached)} if named else {}
        values |= {"LEADSRALLY_MASTER_KEYS": f"a={base64.b64encode(b'k' * 32).decode()}"} if local else {}
        keys = runtime.keys_of(Settings(values))
        assert type(keys) is expected
        assert keys.names[0] == values.get("LEADSRALLY_KMS_KEY", "a")


@needs_emulator
class TestAtTheDoor:
    """The webhook with its credentials under KMS."""

    @pytest.fixture
    def key(self, reached: Any) -> str:
        return made(reached)

    @pytest.fixture
    def served(self, world: World, line: Line, key: str) -> World:
        self._serve(world, key)
        self._reseal(world, line, key)
        return world

    def _serve(self, world: World, key: str) -> None:
        function = world.functions["webhook_twilio"]
        values = {**SETTINGS, "LEADSRALLY_KMS_KEY": key}
        values["DATABASE_URL"] = world.database.url("leadsrally_webhook_twilio")
        runtime.of("webhook_twilio").db.close()
        settings = Settings(values, allowed=function.settings)
        runtime.install(Runtime("webhook_twilio", settings, clock=world.clock, connections=2))

    def _reseal(self, world: World, line: Line, key: str) -> None:
        credentials = TwilioCredentials(line.account_sid, (line.auth_token,)).to_json()
        world.execute(
            "UPDATE channels SET credentials = %(sealed)s WHERE id = %(id)s",
            sealed=Vault(KmsKeys([key])).seal(credentials, twilio_context(line.organization_id, line.id)),
            id=line.id,
        )

    def test_a_text_is_taken(self, served: World, line: Line):
        assert served.text(line, "hi").status == 200

    def test_O6_a_disabled_key_closes_its_channels_and_no_other(
        self, served: World, line: Line, key: str, reached: Any
    ):
        theirs = served.line(served.organization("Rival"))  # sealed by the local key
        assert served.text(theirs, "hi").status == 200
        reached.disable_key(KeyId=key)
        answer = served.text(line, "hi")
        assert (answer.status, line.auth_token in answer.body) == (500, False)
        refused = served.row(
            "SELECT outcome, reason, http_status FROM delivery_log WHERE outcome = 'refused'"
        )
        assert refused == {"outcome": "refused", "reason": "seal_key_refused", "http_status": 500}
        assert served.text(theirs, "hi again").status == 200

    def test_O6_what_was_opened_is_used_for_a_quarter_of_an_hour_and_no_longer(
        self, served: World, line: Line, key: str, reached: Any
    ):
        assert served.text(line, "hi").status == 200
        reached.disable_key(KeyId=key)
        served.clock.now += KEPT_FOR * 0.999
        assert served.text(line, "hi").status == 200
        served.clock.now += KEPT_FOR * 0.001
        assert served.text(line, "hi").status == 500

    def test_a_key_service_that_is_away_asks_the_provider_to_come_again(
        self, served: World, line: Line, closed_port: int, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port}")
        assert served.text(line, "hi").status == 503
        assert served.value("SELECT count(*) FROM messages") == 0


class TestInTheApi:
    """What people enter is sealed before the transaction of their request is open."""

    @pytest.fixture
    def owner(self, world: World, org: Org) -> tuple[Org, str]:
        return org, world.token(world.user(org), org)

    def serve(self, world: World, key: str) -> None:
        function = world.functions["api"]
        values = {**SETTINGS, "LEADSRALLY_KMS_KEY": key, "LEADSRALLY_MASTER_KEYS": ""}
        values["DATABASE_URL"] = world.database.url("leadsrally_api")
        runtime.of("api").db.close()
        settings = Settings(values, allowed=function.settings)
        runtime.install(Runtime("api", settings, clock=world.clock, announce=lambda _queue, _ids: None))

    @needs_emulator
    def test_a_channel_is_sealed_by_kms_for_its_place(
        self, world: World, owner: tuple[Org, str], reached: Any
    ):
        org, token = owner
        key = made(reached)
        self.serve(world, key)
        assert world.api("POST", "/v1/channels", token, NEW)[0] == 201
        row = world.row("SELECT id, credentials FROM channels")
        vault = Vault(KmsKeys([key]))
        assert vault.is_current(row["credentials"])
        opened = vault.open(row["credentials"], twilio_context(org.id, row["id"]))
        assert TwilioCredentials.from_json(opened).auth_tokens == (NEW["auth_token"],)

    def test_no_transaction_waits_for_the_key_service_and_nothing_is_written_without_it(
        self, world: World, owner: tuple[Org, str], monkeypatch: pytest.MonkeyPatch
    ):
        _, token = owner
        busy: list[Any] = []

        def look() -> None:
            busy.append(
                world.rows(
                    """SELECT state, query FROM pg_stat_activity WHERE datname = current_database()
                          AND pid <> pg_backend_pid() AND state <> 'idle'"""
                )
            )

        async def away(_request: Request) -> JSONResponse:
            await asyncio.to_thread(look)
            return JSONResponse({"__type": "ThrottlingException"}, 400)

        with Running(Starlette(routes=[Route("/", away, methods=["POST"])])) as server:
            _point_at(server.base_url, monkeypatch)
            self.serve(world, TestTrouble.ARN)
            status, body = world.api("POST", "/v1/channels", token, NEW)
        assert (status, body["code"]) == (503, "key_service")
        assert len(busy) >= 1
        assert not any(busy), busy
        assert world.value("SELECT count(*) FROM channels") == 0

    def test_who_may_not_makes_no_call_of_the_key_service(
        self, world: World, org: Org, closed_port: int, monkeypatch: pytest.MonkeyPatch
    ):
        _point_at(f"http://127.0.0.1:{closed_port}", monkeypatch)
        self.serve(world, TestTrouble.ARN)
        viewer = world.token(world.user(org, "viewer"), org)
        assert world.api("POST", "/v1/channels", viewer, NEW)[0] == 403
        assert world.api("POST", "/v1/channels", None, NEW)[0] == 401
