"""P1.3: files of ours, from the upload to the message, and what becomes of those that nobody sends."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from leadsrally import runtime
from leadsrally.kit.db import Database
from leadsrally.kit.storage import Storage
from leadsrally.messaging.media.erase import erase_media
from leadsrally.messaging.media.store import key_of
from tests.api.conftest import Client, Rival, problem
from tests.api.examples import Tenant
from tests.sending.whatsapp import thread
from tests.uploading import MP3, PDF, PNG, WEBP, media, put, uploaded
from tests.world import Line, Org, World


@pytest.fixture
def storage(world: World) -> Storage:
    return runtime.of("fetch_media").storage


def announce(client: Client, **changes: Any) -> tuple[int, Any]:
    told = {"file_name": "blue.png", "content_type": "image/png", "bytes": len(PNG), **changes}
    return client.post("/v1/uploads", told)


def there(storage: Storage, org: Org, upload_id: Any) -> bool:
    return storage.find(key_of(org.id, UUID(str(upload_id)))) is not None


class TestUpload:
    def test_announced_put_and_looked_at(self, client: Client):
        status, made = announce(client, content_type="image/jpeg", file_name="C:\\holiday\\blue.png")
        assert status == 201
        assert client.get(f"/v1/uploads/{made['id']}")[1]["state"] == "awaited"
        put(made["put"]["url"], PNG)
        status, told = client.post(f"/v1/uploads/{made['id']}/look")
        assert status == 200
        assert told == {
            "id": made["id"],
            "state": "stored",
            "reason": None,
            "file_name": "blue.png",
            "content_type": "image/png",  # what it is, whatever was said
            "bytes": len(PNG),
            "fits": [{"channel": "sms", "refusal": None}, {"channel": "whatsapp", "refusal": None}],
        }
        assert client.get(f"/v1/uploads/{made['id']}") == (200, told)
        assert client.post(f"/v1/uploads/{made['id']}/look") == (200, told)

    def test_before_it_has_arrived(self, client: Client):
        _, made = announce(client)
        problem(client.post(f"/v1/uploads/{made['id']}/look"), 409, "upload_awaited")

    def test_the_address_is_shown_once(self, client: Client):
        told = {"file_name": "a.png", "content_type": "image/png", "bytes": 5}
        assert client.post("/v1/uploads", told, **{"idempotency-key": "one"})[0] == 201
        assert client.post("/v1/uploads", told, **{"idempotency-key": "one"})[0] == 409
        assert client.world.value("SELECT count(*) FROM media") == 1

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"content_type": "text/html"}, 422, "file_refused"),
            ({"content_type": "image/svg+xml"}, 422, "file_refused"),
            ({"content_type": "image/png", "bytes": 5_000_001}, 422, "file_refused"),
            ({"content_type": "video/mp4", "bytes": 16_000_001}, 422, "file_refused"),
            ({"content_type": "application/pdf", "bytes": 100_000_001}, 422, "malformed"),
            ({"bytes": 0}, 422, "malformed"),
            ({"file_name": "a\r\nb.png"}, 422, "malformed"),
        ],
    )
    def test_what_no_channel_takes_is_not_waited_for(
        self, client: Client, changes: dict[str, Any], status: int, code: str
    ):
        problem(announce(client, **changes), status, code)

    @pytest.mark.parametrize(
        ("content", "told", "reason"),
        [
            (b"<html><script>alert(1)</script></html>", "image/png", "type"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'>", "image/png", "type"),
            (b"MZ\x90\0" + b"\0" * 60, "application/pdf", "type"),
            (b"\x89PNG\r\n\x1a\n" + b"x" * 5_000_000, "application/pdf", "too_large"),
        ],
        ids=["a page", "a drawing with scripts", "a program", "a picture that is said to be a document"],
    )
    def test_I8_what_it_is_decides(
        self, client: Client, storage: Storage, content: bytes, told: str, reason: str
    ):
        _, made = announce(client, content_type=told, bytes=len(content))
        put(made["put"]["url"], content)
        status, upload = client.post(f"/v1/uploads/{made['id']}/look")
        assert (status, upload["state"], upload["reason"]) == (200, "refused", reason)
        client.world.work("fetch_media")
        assert not there(storage, client.org, made["id"])
        conversation = client.world.conversation(client.world.line(client.org))
        answer = client.post(f"/v1/conversations/{conversation}/messages", {"uploads": [made["id"]]})
        problem(answer, 409, "upload_not_stored")

    def test_another_size_than_announced(self, client: Client, storage: Storage):
        """As if the storage had let it pass."""
        _, made = announce(client)
        key = key_of(client.org.id, UUID(made["id"]))
        storage.put(key, [PNG + b"more"], content_type="image/png")
        assert client.post(f"/v1/uploads/{made['id']}/look")[1]["reason"] == "size"

    def test_over_which_channels_it_goes(self, client: Client):
        upload = uploaded(client.world, client.org.id, b"GIF89a" + b"x" * 100, "image/gif")
        fits = {one["channel"]: one["refusal"] for one in client.get(f"/v1/uploads/{upload}")[1]["fits"]}
        assert fits["sms"] is None
        assert fits["whatsapp"].startswith("WhatsApp does not take files of this type.")

    def test_T1_of_another_tenant(self, client: Client, rival: Rival):
        upload = uploaded(client.world, rival.client.org.id)
        for answer in (
            client.get(f"/v1/uploads/{upload}"),
            client.post(f"/v1/uploads/{upload}/look"),
            client.delete(f"/v1/uploads/{upload}"),
        ):
            problem(answer, 404, "upload_not_found")
        conversation = client.world.conversation(client.world.line(client.org))
        answer = client.post(f"/v1/conversations/{conversation}/messages", {"uploads": [str(upload)]})
        problem(answer, 404, "upload_not_found")

    @pytest.mark.parametrize(
        ("way", "draft"),
        [
            ("messages", {"body": "Here"}),
            ("templates", {"name": "ready", "body": {"1": "Ada"}}),
            ("choices", {"body": "Which?", "buttons": [{"id": "a", "title": "A"}]}),
        ],
    )
    def test_T2_of_another_tenant_inside(self, client: Client, rival: Rival, way: str, draft: dict[str, Any]):
        tenant = Tenant(client.world, client.org, client, client.world.line(client.org))
        conversation = tenant.whatsapp_conversation()
        upload = str(uploaded(client.world, rival.client.org.id))
        named = {"uploads": [upload]} if way == "messages" else {"upload": upload}
        problem(
            client.post(f"/v1/conversations/{conversation}/{way}", {**draft, **named}),
            404,
            "upload_not_found",
        )
        (row,) = media(client.world)
        assert (row["organization_id"], row["message_id"]) == (rival.client.org.id, None)


class TestSend:
    @pytest.fixture
    def conversation(self, world: World, line: Line) -> UUID:
        return world.conversation(line)

    def send(self, client: Client, conversation: UUID, *uploads: UUID, **draft: Any) -> tuple[int, Any]:
        headers = {"idempotency-key": draft.pop("key")} if "key" in draft else {}
        told = {"uploads": [str(upload) for upload in uploads], **draft}
        return client.post(f"/v1/conversations/{conversation}/messages", told, **headers)

    def test_by_MMS_with_links_for_a_quarter_of_an_hour(
        self, world: World, client: Client, conversation: UUID
    ):
        one, two = uploaded(world, client.org.id), uploaded(world, client.org.id, PDF, name="offer.exe")
        status, queued = self.send(client, conversation, two, one, body="Both")
        assert status == 202
        world.work("send_message")
        (message,) = world.sender.texts
        assert (message.body, len(message.files)) == ("Both", 2)
        links = runtime.of("api").links
        opened = [links.read(file.place.rpartition("/files/")[2]) for file in message.files]  # type: ignore[attr-defined]
        assert [(link.key.name, link.file_name, link.content_type) for link in opened] == [
            (str(two), "offer.pdf", "application/pdf"),
            (str(one), "blue.png", "image/png"),
        ]
        world.clock.pass_(minutes=15)
        with pytest.raises(Exception, match="no longer valid"):
            links.read(message.files[0].place.rpartition("/files/")[2])  # type: ignore[attr-defined]
        disclosed = world.row("SELECT * FROM disclosures WHERE purpose = 'deliver_message'")
        assert (disclosed["subprocessor"], set(disclosed["data_kinds"])) == (
            "twilio",
            {"phone", "message_text", "file"},
        )
        thread_of = client.get(f"/v1/conversations/{conversation}/messages")[1]["items"]
        (shown,) = [message for message in thread_of if message["id"] == queued["id"]]
        assert shown["status"] == "accepted"
        assert [(file["file_name"], file["state"], file["bytes"]) for file in shown["media"]] == [
            ("offer.exe", "stored", len(PDF)),
            ("blue.png", "stored", len(PNG)),
        ]
        path = f"/v1/messages/{queued['id']}/media/{shown['media'][0]['id']}"
        assert client.get(path)[1]["file_name"] == "offer.pdf"

    def test_without_words(self, world: World, client: Client, conversation: UUID):
        assert self.send(client, conversation, uploaded(world, client.org.id))[0] == 202
        problem(client.post(f"/v1/conversations/{conversation}/messages", {}), 422, "empty_body")
        problem(self.send(client, conversation, body="   ", key="k"), 422, "empty_body")

    @pytest.mark.parametrize(
        ("phone", "content", "told", "sentence"),
        [
            ("+447400123456", PNG, "image/png", "between numbers of the United States and Canada"),
            ("+18762345678", PNG, "image/png", "between numbers of the United States and Canada"),
            ("+14162345678", b"PK\x03\x04" + b"x" * 99, "docx", "MMS does not take files of this type"),
            ("+14162345678", b"%PDF-1.7" + b"x" * 5_000_000, "application/pdf", "MMS takes up to 5 MB"),
            ("+14162345678", MP3, "audio/mpeg", None),
        ],
        ids=["Britain", "Jamaica, which is +1 too", "a document of Word", "too large", "a sound to Canada"],
    )
    def test_by_MMS_within_two_countries_and_five_megabytes(
        self,
        world: World,
        line: Line,
        client: Client,
        phone: str,
        content: bytes,
        told: str,
        sentence: str | None,
    ):
        docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        upload = uploaded(world, client.org.id, content, docx if told == "docx" else told)
        status, answer = self.send(client, world.conversation(line, phone), upload, body="Here")
        if sentence is None:
            assert status == 202
        else:
            assert status == 422
            assert sentence in answer["detail"]
        assert world.value("SELECT count(*) FROM messages WHERE direction = 'outbound'") == (sentence is None)

    def test_by_MMS_all_together(self, world: World, client: Client, conversation: UUID):
        half = PNG + b"x" * 2_600_000
        two = [uploaded(world, client.org.id, half) for _ in range(2)]
        problem(self.send(client, conversation, *two), 422, "file_refused")
        assert self.send(client, conversation, two[0])[0] == 202

    def test_once_and_in_one_message(self, world: World, client: Client, conversation: UUID):
        upload = uploaded(world, client.org.id)
        first = self.send(client, conversation, upload, body="Here", key="one")
        assert self.send(client, conversation, upload, body="Here", key="one") == first
        problem(self.send(client, conversation, upload, body="Again", key="two"), 409, "upload_sent")
        problem(self.send(client, conversation, upload, upload), 422, "upload_twice")
        other = uploaded(world, client.org.id)
        world.work("send_message")
        assert len(world.sender.texts) == 1
        problem(self.send(client, conversation, other, body="Here", key="one"), 409, "idempotency_key_reused")
        assert [row["message_id"] is None for row in media(world)] == [False, True]

    def test_erased_with_its_message(
        self, world: World, client: Client, conversation: UUID, storage: Storage
    ):
        upload = uploaded(world, client.org.id)
        _, queued = self.send(client, conversation, upload)
        everything = Database(world.database.url())
        assert erase_media(everything, storage, world.clock, client.org.id, [UUID(queued["id"])]) == 1
        everything.close()
        assert not there(storage, client.org, upload)
        assert media(world) == []

    def test_erased_while_it_waits(self, world: World, client: Client, conversation: UUID):
        upload = uploaded(world, client.org.id)
        _, queued = self.send(client, conversation, upload, body="Here")
        world.execute(
            "UPDATE media SET state = 'gone', reason = 'erased', bytes = NULL, sha256 = NULL WHERE id = %(id)s",
            id=upload,
        )
        world.work("send_message")
        assert world.sender.texts == []
        assert world.message(queued["id"])["verdict"]["rule"] == "file_gone"


class TestWhatsApp:
    @pytest.mark.parametrize(
        ("content", "told", "draft", "code"),
        [
            (PNG, "image/png", {"body": "Blue"}, None),
            (PNG, "image/png", {"body": "x" * 1025}, "file_refused"),
            (MP3, "audio/mpeg", {}, None),
            (MP3, "audio/mpeg", {"body": "Listen"}, "file_refused"),
            (WEBP, "image/webp", {"body": "Hi"}, "file_refused"),
            (b"GIF89a" + b"x" * 9, "image/gif", {}, "file_refused"),
        ],
        ids=["picture", "too many words", "sound", "sound with words", "sticker with words", "gif"],
    )
    def test_what_goes(
        self,
        world: World,
        client: Client,
        content: bytes,
        told: str,
        draft: dict[str, str],
        code: str | None,
    ):
        conversation = thread(world, world.whatsapp_line(client.org))
        upload = uploaded(world, client.org.id, content, told)
        answer = client.post(
            f"/v1/conversations/{conversation}/messages", {"uploads": [str(upload)], **draft}
        )
        if code:
            problem(answer, 422, code)
        else:
            assert answer[0] == 202

    def test_one_file_in_a_message(self, world: World, client: Client):
        conversation = thread(world, world.whatsapp_line(client.org))
        two = [str(uploaded(world, client.org.id)) for _ in range(2)]
        answer = client.post(f"/v1/conversations/{conversation}/messages", {"uploads": two})
        assert "holds one file" in problem(answer, 422, "file_refused")["detail"]

    def test_not_after_the_24_hours(self, world: World, client: Client):
        conversation = thread(world, world.whatsapp_line(client.org), wrote=timedelta(days=2))
        upload = str(uploaded(world, client.org.id))
        answer = client.post(f"/v1/conversations/{conversation}/messages", {"uploads": [upload]})
        problem(answer, 409, "window_closed")
        assert media(world)[0]["message_id"] is None


class TestNobodySentIt:
    def test_R11_it_goes_after_a_day_file_and_row(self, world: World, client: Client, storage: Storage):
        kept, left = uploaded(world, client.org.id), uploaded(world, client.org.id)
        _, awaited = announce(client)
        conversation = world.conversation(world.line(client.org))
        client.post(f"/v1/conversations/{conversation}/messages", {"uploads": [str(kept)]})
        world.clock.pass_(hours=23, minutes=59)
        world.work("fetch_media")
        assert there(storage, client.org, left)
        world.clock.pass_(minutes=1)
        world.work("fetch_media")
        assert [row["id"] for row in media(world)] == [kept]
        assert there(storage, client.org, kept)
        assert not there(storage, client.org, left)
        problem(client.get(f"/v1/uploads/{awaited['id']}"), 404, "upload_not_found")

    def test_taken_back(self, world: World, client: Client, storage: Storage):
        upload = uploaded(world, client.org.id)
        assert client.delete(f"/v1/uploads/{upload}")[0] == 204
        problem(client.get(f"/v1/uploads/{upload}"), 404, "upload_not_found")
        conversation = world.conversation(world.line(client.org))
        answer = client.post(f"/v1/conversations/{conversation}/messages", {"uploads": [str(upload)]})
        problem(answer, 404, "upload_not_found")
        assert there(storage, client.org, upload)  # while its address could still put it there again
        world.clock.pass_(minutes=15)
        world.work("fetch_media")
        assert media(world) == []
        assert not there(storage, client.org, upload)

    def test_what_was_sent_is_not_taken_back(self, world: World, client: Client):
        upload = uploaded(world, client.org.id)
        conversation = world.conversation(world.line(client.org))
        client.post(f"/v1/conversations/{conversation}/messages", {"uploads": [str(upload)]})
        problem(client.delete(f"/v1/uploads/{upload}"), 404, "upload_not_found")
        assert media(world)[0]["state"] == "stored"
