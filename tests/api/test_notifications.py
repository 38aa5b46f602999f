"""P2.4: what one was told, in product."""

from uuid import uuid4

import pytest

from leadsrally.notices.types import KINDS
from tests.api.conftest import Client, problem
from tests.notices.conftest import HAPPENINGS, Office
from tests.world import World


@pytest.fixture
def office(client: Client) -> Office:
    """The organisation of the client, with the client as the agent of the stories."""
    office = Office(client.world, client.org)
    office.agent = client.user_id
    return office


class TestList:
    def test_newest_first_with_what_became_of_the_mail(self, client: Client, office: Office):
        office.happens("password_changed", user_id=client.user_id)
        office.hears("delivered", office.notice())
        client.world.clock.pass_(minutes=1)
        session = office.session()
        office.happens("new_login", user_id=client.user_id, session_id=session)
        status, page = client.get("/v1/notifications")
        assert (status, page["unread"], page["next"]) == (200, 2, None)
        login, password = page["items"]
        assert (login["kind"], login["title"]) == ("new_login", "New log-in to your account")
        assert login["about_id"] == str(session)
        assert login["mail"]["state"] == "taken"
        assert (password["mail"]["state"], password["mail"]["reason"]) == ("delivered", None)
        assert password["mail"]["delivered_at"]
        assert page["mailbox"] == {"blocked_at": None, "blocked_because": None}

    def test_in_pages(self, client: Client, office: Office):
        for _ in range(5):
            client.world.clock.pass_(seconds=1)
            office.happens("role_changed", user_id=client.user_id)
        seen: list[str] = []
        cursor = ""
        while cursor is not None:
            _, page = client.get(f"/v1/notifications?limit=2{cursor}")
            seen += [item["created_at"] for item in page["items"]]
            cursor = f"&cursor={page['next']}" if page["next"] else None
        assert len(seen) == 5
        assert seen == sorted(seen, reverse=True)

    def test_ones_own_only(self, client: Client, office: Office):
        office.happens("role_changed", user_id=office.owner)
        office.happens("invitation", invitation_id=office.invitation())
        assert client.get("/v1/notifications")[1]["items"] == []

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("verify_signup", "invitation")])
    def test_a_title_holds_nothing_but_words(self, client: Client, office: Office, kind: str):
        """It is read from the language's file alone; what the notice says stands in the mail."""
        client.world.execute("UPDATE organizations SET language = 'fr'")
        cause, _, _ = HAPPENINGS[kind]
        office.happens(kind, **cause(office))
        (item,) = client.get("/v1/notifications")[1]["items"]
        assert "{" not in item["title"]
        assert len(item["title"]) > 10

    def test_a_kind_that_this_version_does_not_know_is_still_listed(self, client: Client, office: Office):
        office.happens("role_changed", user_id=client.user_id)
        client.world.execute("UPDATE notices SET kind = 'of_tomorrow'")
        (item,) = client.get("/v1/notifications")[1]["items"]
        assert (item["kind"], item["title"]) == ("of_tomorrow", "LeadsRally")


class TestRead:
    def test_one_or_all_before_it(self, client: Client, office: Office):
        for _ in range(3):
            client.world.clock.pass_(seconds=1)
            office.happens("role_changed", user_id=client.user_id)
        last, middle, first = client.get("/v1/notifications")[1]["items"]
        assert client.post(f"/v1/notifications/{first['id']}/read") == (204, None)
        _, page = client.get("/v1/notifications?unread=true")
        assert ([item["id"] for item in page["items"]], page["unread"]) == ([last["id"], middle["id"]], 2)
        read_at = client.get("/v1/notifications")[1]["items"][2]["read_at"]
        client.world.clock.pass_(seconds=1)
        assert client.post(f"/v1/notifications/{last['id']}/read?earlier=true") == (204, None)
        items = client.get("/v1/notifications")[1]["items"]
        assert all(item["read_at"] for item in items)
        assert items[2]["read_at"] == read_at  # the first time counts
        assert client.post(f"/v1/notifications/{last['id']}/read") == (204, None)

    def test_somebody_elses_is_one_that_does_not_exist(self, client: Client, office: Office):
        office.happens("role_changed", user_id=office.owner)
        for identifier in (office.notice()["id"], uuid4()):
            path = f"/v1/notifications/{identifier}/read?earlier=true"
            problem(client.post(path), 404, "notification_not_found")
        assert office.notice()["read_at"] is None


class TestUnblock:
    def test_the_block_is_shown_lifted_and_lifted_at_the_provider(self, client: Client, office: Office):
        world: World = client.world
        office.happens("role_changed", user_id=client.user_id)
        office.hears("bounced", office.notice(), bounce={"type": "Permanent", "subType": "General"})
        _, page = client.get("/v1/notifications")
        assert page["mailbox"]["blocked_because"] == "bounced"
        assert page["mailbox"]["blocked_at"]
        assert page["items"][0]["mail"]["reason"] == "permanent_general"
        assert client.post("/v1/me/mail/unblock") == (204, None)
        assert client.get("/v1/notifications")[1]["mailbox"]["blocked_at"] is None
        world.work("notify")
        address = world.value("SELECT email FROM users WHERE id = %(id)s", id=client.user_id)
        assert world.mailer.allowed == [address]
        assert len(office.told("role_changed", user_id=client.user_id)) == 1

    def test_an_admin_does_it_for_somebody_who_cannot_log_in(self, client: Client, office: Office):
        """Who has forgotten the password gets no mail to choose another."""
        world: World = client.world
        office.happens("role_changed", user_id=office.owner)
        office.hears("complained", office.notice())
        assert office.told("reset_password", reset_id=office.reset(office.owner)) == []
        assert client.post(f"/v1/members/{office.owner}/mail/unblock") == (204, None)
        assert len(office.told("reset_password", reset_id=office.reset(office.owner))) == 1
        assert world.mailer.allowed == ["owner@harbour.example"]
        row = world.row("SELECT actor_id, target_id FROM audit_log WHERE action = 'mail.unblocked'")
        assert (row["actor_id"], row["target_id"]) == (client.user_id, office.owner)
        problem(client.post(f"/v1/members/{uuid4()}/mail/unblock"), 404, "member_not_found")

    def test_without_a_block_nobody_is_asked(self, client: Client):
        assert client.post("/v1/me/mail/unblock") == (204, None)
        client.world.work("notify")
        assert client.world.mailer.allowed == []
        assert client.world.rows("SELECT 1 FROM audit_log") == []

    def test_one_that_is_blocked_again_before_the_job_stays_so(self, client: Client, office: Office):
        block = "UPDATE users SET mail_blocked_at = %(now)s, mail_blocked_because = 'complained' WHERE id = %(id)s"
        client.world.execute(block, now=client.world.clock.now, id=client.user_id)
        client.post("/v1/me/mail/unblock")
        client.world.execute(block, now=client.world.clock.now, id=client.user_id)
        client.world.work("notify")
        assert client.world.mailer.allowed == []
