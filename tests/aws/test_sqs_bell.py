"""SQS as the bell, through boto3 against an emulator: Q1 and Q6 of the ways in which a queue fails."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.local.context import Context
from leadsrally import runtime
from leadsrally.jobs.bell import SqsBell, rung
from leadsrally.kit.settings import Settings
from leadsrally.runtime import Runtime
from tests.aws.emulator import PROGRAM, Emulator
from tests.aws.stack import resources
from tests.world import SETTINGS, Line, World

pytestmark = pytest.mark.skipif(
    not PROGRAM.exists(), reason="no emulator of AWS: `make .venv-aws/ready` installs it"
)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("aws")) as running:
        yield running


@dataclass
class Queues:
    """The two queues of this test, with the attributes that resources.yml declares."""

    client: Any
    prefix: str

    def receive(self, queue: str, limit: int = 10) -> list[dict[str, Any]]:
        """As Lambda's poller receives, and shaped as it shapes; nothing is deleted."""
        answer = self.client.receive_message(
            QueueUrl=self.prefix + queue,
            MaxNumberOfMessages=limit,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": message.get("MessageAttributes", {}),
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:000000000000:{queue}",
                "awsRegion": "eu-west-1",
            }
            for message in answer.get("Messages", [])
        ]

    def show_again(self, queue: str, record: dict[str, Any]) -> None:
        """Let the visibility time-out pass."""
        self.client.change_message_visibility(
            QueueUrl=self.prefix + queue, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
        )


@pytest.fixture
def queues(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = emulator.client("sqs")
    name = f"leadsrally-{uuid4().hex[:8]}-"
    for logical, queue in {"AiScore": "ai_score", "SendMessage": "send_message"}.items():
        declared = resources()[f"{logical}Queue"]["Properties"]
        dead = client.create_queue(QueueName=f"{name}{queue}-dead")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        redrive = {**declared["RedrivePolicy"], "deadLetterTargetArn": arn}
        made = client.create_queue(
            QueueName=name + queue,
            Attributes={
                "VisibilityTimeout": str(declared["VisibilityTimeout"]),
                "RedrivePolicy": json.dumps(redrive),
            },
        )["QueueUrl"]
        prefix = made.removesuffix(queue)
    yield Queues(client, prefix)
    client.close()


def ring_through_sqs(world: World, function: str, prefix: str) -> None:
    """From here on `function` has nothing but its settings to ring with, as on AWS."""
    settings = {
        **SETTINGS,
        "DATABASE_URL": world.database.url(f"leadsrally_{function}"),
        "LEADSRALLY_QUEUES": prefix,
    }
    allowed = world.functions[function].settings
    runtime.install(Runtime(function, Settings(settings, allowed), clock=world.clock))


def call(world: World, function: str, event: dict[str, Any]) -> Any:
    declared = world.functions[function]
    return declared.handler()(event, Context(declared))


@pytest.fixture
def reply(world: World, line: Line, queues: Queues) -> UUID:
    """A colleague's reply, queued by the API with SQS as its bell; the job's id."""
    conversation_id = world.conversation(line)
    ring_through_sqs(world, "api", queues.prefix)
    world.reply(line, conversation_id, "It is still there. A secret of a person.")
    return world.value("SELECT id FROM jobs WHERE queue = 'send_message'")


def test_message_holds_the_id_and_drives_the_real_handler(world: World, queues: Queues, reply: UUID) -> None:
    (record,) = queues.receive("send_message")
    assert json.loads(record["body"]) == {"job": str(reply)}
    assert record["messageAttributes"] == {}

    assert call(world, "send_message", {"Records": [record]}) == {"batchItemFailures": []}
    assert [text.body for text in world.sender.texts] == ["It is still there. A secret of a person."]
    assert world.value("SELECT count(*) FROM jobs WHERE queue = 'send_message'") == 0


def test_message_delivered_twice_has_one_effect(world: World, queues: Queues, reply: UUID) -> None:
    (first,) = queues.receive("send_message")
    queues.show_again("send_message", first)
    (again,) = queues.receive("send_message")
    assert (first["messageId"], again["attributes"]["ApproximateReceiveCount"]) == (again["messageId"], "2")

    for record in (first, again):
        assert call(world, "send_message", {"Records": [record]}) == {"batchItemFailures": []}
    assert len(world.sender.texts) == 1


def test_message_delivered_twice_at_once_has_one_effect(world: World, queues: Queues, reply: UUID) -> None:
    (record,) = queues.receive("send_message")
    both = threading.Barrier(2)
    results: list[Any] = []

    def deliver() -> None:
        both.wait()
        results.append(call(world, "send_message", {"Records": [record]}))

    threads = [threading.Thread(target=deliver) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{"batchItemFailures": []}] * 2
    assert len(world.sender.texts) == 1


def test_job_whose_bell_failed_is_rung_by_the_tick(
    world: World,
    line: Line,
    queues: Queues,
    emulator: Emulator,
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conversation_id = world.conversation(line)
    with monkeypatch.context() as outage:
        outage.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port}")
        ring_through_sqs(world, "api", queues.prefix)
        world.reply(line, conversation_id, "Yes.")
    job = world.row("SELECT id, state, rung_at FROM jobs WHERE queue = 'send_message'")
    assert (job["state"], job["rung_at"]) == ("queued", None)
    assert queues.receive("send_message") == []

    ring_through_sqs(world, "tick", queues.prefix)
    assert call(world, "tick", {})["rung_send_message"] == 1
    assert world.value("SELECT rung_at FROM jobs WHERE id = %(id)s", id=job["id"]) == world.clock.now
    assert call(world, "tick", {})["rung_send_message"] == 0  # it was rung, and not so long ago
    records = queues.receive("send_message")
    assert [json.loads(record["body"]) for record in records] == [{"job": str(job["id"])}]

    world.clock.pass_(minutes=6)
    assert call(world, "tick", {})["rung_send_message"] == 1  # a bell that brought nobody is taken as lost


def test_twenty_five_ids_take_three_calls(emulator: Emulator, queues: Queues) -> None:
    client = emulator.client("sqs")
    calls: list[int] = []
    client.meta.events.register(
        "provide-client-params.sqs.SendMessageBatch", lambda params, **_: calls.append(len(params["Entries"]))
    )
    ids = [uuid4() for _ in range(25)]
    SqsBell(queues.prefix, client=client).ring("ai_score", ids)
    client.close()

    assert calls == [10, 10, 5]
    heard: list[UUID] = []
    while records := queues.receive("ai_score"):
        heard += rung({"Records": records})[0]
    assert sorted(heard) == sorted(ids)


def test_poison_ends_in_the_dead_letter_queue(world: World, queues: Queues) -> None:
    queues.client.send_message(QueueUrl=f"{queues.prefix}ai_score", MessageBody='{"job": 7}')
    tries = resources()["AiScoreQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    for _ in range(tries):
        (record,) = queues.receive("ai_score")
        result = call(world, "ai_score", {"Records": [record]})
        assert result == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
        queues.show_again("ai_score", record)
    assert queues.receive("ai_score") == []
    assert [record["body"] for record in queues.receive("ai_score-dead")] == ['{"job": 7}']


def test_entries_that_sqs_refused_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    class Refusing:
        def send_message_batch(self, **_: Any) -> dict[str, Any]:
            return {"Successful": [], "Failed": [{"Id": "0"}, {"Id": "1"}]}

    SqsBell("https://queues/", client=Refusing()).ring("ai_score", [uuid4(), uuid4()])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["event"], told["queue"], told["count"]) == ("bell.refused", "ai_score", 2)
