"""People are told of what concerns them, once, and not when it no longer counts."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally.kit import links
from leadsrally.kit.errors import Misconfigured
from leadsrally.notices.matters.tellings import TELLINGS
from leadsrally.notices.types import KINDS, Mail, NotNow, Refused, Taken
from tests.notices.conftest import HAPPENINGS, Office
from tests.world import APP_URL, World, days


def link_of(mail: Mail) -> str:
    (line,) = [line for line in mail.text.splitlines() if line.startswith(APP_URL)]
    return line


class TestKinds:
    def test_every_kind_is_told_and_tried_here(self):
        assert set(KINDS) == TELLINGS.keys() == HAPPENINGS.keys()

    @pytest.mark.parametrize("kind", KINDS)
    def test_it_goes_to_whom_it_concerns_with_its_link(self, office: Office, kind: str):
        cause, addresses, path = HAPPENINGS[kind]
        mails = office.told(kind, **cause(office))
        assert {mail.recipient for mail in mails} == addresses
        for mail in mails:
            if path is None:
                assert APP_URL not in mail.text + mail.html
            else:
                assert link_of(mail).startswith(APP_URL + path)
                assert mail.html.count(link_of(mail)) == 3  # button, and as text that is a link
        assert {row["state"] for row in office.notices(kind=kind)} == {"taken"}
        assert office.jobs() == []

    @pytest.mark.parametrize(
        ("kind", "cause", "path", "purpose"),
        [
            ("verify_signup", lambda o: {"signup_id": o.signup()}, "/verify", "signup"),
            ("reset_password", lambda o: {"reset_id": o.reset()}, "/reset", "reset"),
            ("change_email", lambda o: {"change_id": o.email_change()}, "/email", "email"),
            ("invitation", lambda o: {"invitation_id": o.invitation()}, "/invite", "invite"),
        ],
    )
    def test_a_link_is_signed_for_its_row_and_purpose(
        self, office: Office, kind: str, cause: Callable[[Office], dict[str, UUID]], path: str, purpose: str
    ):
        ids = cause(office)
        (mail,) = office.told(kind, **ids)
        address, _, token = link_of(mail).partition("#")
        assert address == APP_URL + path
        assert links.read(b"k" * 32, purpose, token) == (office.org.id, *ids.values())

    def test_what_each_says(self, office: Office):
        world = office.world
        world.execute("UPDATE organizations SET time_zone = 'America/New_York'")
        day = f"{world.clock.now.day} {world.clock.now:%B} {world.clock.now.year}"
        (login,) = office.told("new_login", user_id=office.agent, session_id=office.session())
        assert "203.0.113.9, with Firefox on Linux" in " ".join(login.text.split())
        assert f"On {day}, " in login.text
        assert "(America/New_York)" in login.text
        (role,) = office.told("role_changed", user_id=office.agent)
        assert "Harbour Bikes is: agent." in " ".join(role.text.split())
        for mail in office.told("api_key_created", key_id=office.api_key()):
            said = " ".join(mail.text.split())
            assert "agent@harbour.example made the API key “Nightly import” for Harbour Bikes" in said
        (off,) = office.told("second_factor_changed", user_id=office.agent)
        office.second_factor()
        (on,) = office.told("second_factor_changed", user_id=office.agent)
        assert ("switched off" in off.text, "switched on" in on.text) == (True, True)
        (guest,) = office.told("invitation", invitation_id=office.invitation())
        assert guest.subject == "Invitation to Harbour Bikes"
        assert "owner@harbour.example invites you" in guest.text
        assert "as viewer." in " ".join(guest.text.split())

    def test_in_the_organisations_language(self, office: Office):
        office.world.execute("UPDATE organizations SET language = 'de'")
        (mail,) = office.told("role_changed", user_id=office.agent)
        assert mail.subject == "Ihre Rolle wurde geändert"
        assert "Harbour Bikes: Bearbeiter." in " ".join(mail.text.split())
        assert '<html lang="de">' in mail.html
        assert office.notice()["language"] == "de"

    def test_two_owners_are_both_told_and_nobody_twice(self, office: Office):
        other = office.person("second@harbour.example", "owner")
        mails = office.told("api_key_created", key_id=office.api_key(user_id=other))
        assert sorted(mail.recipient for mail in mails) == ["owner@harbour.example", "second@harbour.example"]

    def test_a_kind_of_a_newer_version_waits_for_a_person(self, office: Office):
        office.happens("written_tomorrow", user_id=office.agent)
        assert [(job["state"], job["error"]) for job in office.jobs()] == [("dead", "unknown_kind")]


class TestNoLongerCounts:
    @pytest.mark.parametrize(
        ("kind", "cause"),
        [
            ("verify_signup", lambda o: {"signup_id": o.signup(used_at=o.world.clock.now)}),
            ("verify_signup", lambda o: {"signup_id": o.signup(expires_at=o.world.clock.now)}),
            ("reset_password", lambda o: {"reset_id": o.reset(used_at=o.world.clock.now)}),
            ("reset_password", lambda o: {"reset_id": o.reset(expires_at=o.world.clock.now)}),
            ("change_email", lambda o: {"change_id": o.email_change(used_at=o.world.clock.now)}),
            ("email_changed", lambda o: {"change_id": o.email_change()}),
            ("invitation", lambda o: {"invitation_id": o.invitation(revoked_at=o.world.clock.now)}),
            ("invitation", lambda o: {"invitation_id": o.invitation(accepted_at=o.world.clock.now)}),
            ("invitation", lambda o: {"invitation_id": o.invitation(expires_at=o.world.clock.now)}),
            *((kind, lambda _o: {"user_id": uuid4()}) for kind in ("password_changed", "role_changed")),
            ("new_login", lambda o: {"user_id": o.agent, "session_id": uuid4()}),
            ("api_key_created", lambda _o: {"key_id": uuid4()}),
        ],
    )
    def test_nothing_is_mailed(self, office: Office, kind: str, cause: Callable[[Office], dict[str, UUID]]):
        assert office.told(kind, **cause(office)) == []
        assert (office.notices(), office.jobs()) == ([], [])

    def test_a_link_used_before_the_second_try_is_not_mailed_again(self, office: Office):
        office.world.mailer.outcomes = [NotNow("network")]
        office.happens("reset_password", reset_id=office.reset())
        office.world.execute("UPDATE password_resets SET used_at = %(now)s", now=office.world.clock.now)
        office.world.clock.pass_(minutes=1)
        office.world.work("notify")
        assert len(office.world.mailer.mails) == 1
        assert (office.notice()["state"], office.notice()["reason"]) == ("withheld", "outdated")

    def test_T8_another_organisations_row_is_no_matter(self, office: Office, world: World):
        rival = Office.__new__(Office)
        rival.world, rival.org = world, world.organization("Rival")
        rival.owner = rival.agent = rival.person("rival@rival.example", "owner")
        assert office.told("reset_password", reset_id=rival.reset()) == []
        assert office.told("role_changed", user_id=rival.agent) == []


class TestBlocked:
    """P4.5: mail that came back, or was called spam, is the last."""

    def test_a_blocked_person_is_told_in_product_only(self, office: Office):
        office.world.execute(
            "UPDATE users SET mail_blocked_at = %(now)s, mail_blocked_because = 'bounced' WHERE id = %(id)s",
            now=office.world.clock.now,
            id=office.agent,
        )
        mails = office.told("api_key_created", key_id=office.api_key())
        assert [mail.recipient for mail in mails] == ["owner@harbour.example"]
        kept = office.notice(user_id=office.agent)
        assert (kept["state"], kept["reason"], kept["taken_at"]) == ("withheld", "mail_blocked", None)

    @pytest.mark.parametrize("kind", ["verify_signup", "invitation"])
    def test_somebody_who_is_no_user_yet(self, office: Office, kind: str):
        blocked = {"mail_blocked_at": office.world.clock.now, "mail_blocked_because": "bounced"}
        row = office.signup(**blocked) if kind == "verify_signup" else office.invitation(**blocked)
        name = "signup_id" if kind == "verify_signup" else "invitation_id"
        assert office.told(kind, **{name: row}) == []
        assert office.notice()["state"] == "withheld"

    def test_one_who_is_blocked_between_two_tries(self, office: Office):
        office.world.mailer.outcomes = [NotNow("network")]
        office.happens("role_changed", user_id=office.agent)
        office.world.execute("UPDATE users SET mail_blocked_at = %(now)s", now=office.world.clock.now)
        office.world.clock.pass_(minutes=1)
        office.world.work("notify")
        assert len(office.world.mailer.mails) == 1
        assert office.notice()["reason"] == "mail_blocked"

    def test_the_new_address_is_asked_though_the_old_one_is_blocked(self, office: Office):
        office.world.execute("UPDATE users SET mail_blocked_at = %(now)s", now=office.world.clock.now)
        (mail,) = office.told("change_email", change_id=office.email_change())
        assert mail.recipient == "agent@elsewhere.example"

    @pytest.mark.parametrize(("heard", "mails"), [("bounced", 0), ("delivered", 1), (None, 1)])
    def test_the_old_address_is_told_of_the_change_unless_mail_came_back(
        self, office: Office, heard: str | None, mails: int
    ):
        office.happens("role_changed", user_id=office.agent)
        if heard:
            office.hears(heard, office.notice(), bounce={"type": "Permanent"})
        change = office.email_change(used_at=office.world.clock.now)
        assert len(office.told("email_changed", change_id=change)) == mails


class TestOnce:
    """Q3: what ends without an answer is tried again with the same key and the same bytes, and is one mail."""

    def test_Q3_a_second_try_has_the_same_key_and_the_same_words(self, office: Office):
        world = office.world
        world.mailer.outcomes = [NotNow("network"), NotNow("rate_limit_exceeded")]
        office.happens("invitation", invitation_id=office.invitation())
        for _ in range(8):
            world.clock.pass_(minutes=1)
            world.work("notify")
        assert len(world.mailer.mails) == 3
        assert len(set(world.mailer.mails)) == 1  # every byte of it
        assert world.mailer.mails[0].key == office.notice()["id"]
        assert (office.notice()["state"], office.notice()["provider_id"]) == ("taken", "mail-3")

    def test_Q6_a_job_that_runs_again_mails_nobody_again(self, office: Office):
        office.world.mailer.outcomes = [Taken("m-1"), NotNow("network")]
        office.happens("api_key_created", key_id=office.api_key())  # the person and the owner
        office.world.clock.pass_(minutes=1)
        office.world.work("notify")
        sent = [mail.recipient for mail in office.world.mailer.mails]
        assert len(sent) == 3
        assert sent[0] != sent[1] == sent[2]
        assert {row["state"] for row in office.notices()} == {"taken"}

    def test_Q3_the_first_tries_come_soon_and_the_later_ones_apart(self, office: Office):
        world = office.world
        world.mailer.outcomes = [NotNow("network")] * 1_000
        office.happens("role_changed", user_id=office.agent)
        tries = [world.clock.now]
        while office.jobs():
            world.clock.now = office.jobs()[0]["run_at"]
            world.work("notify")
            tries.append(world.clock.now)
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(tries)]
        assert gaps[:4] == [20, 20, 40, 80]
        assert max(gaps) == 1_800
        # The provider forgets a key after 24 hours: nothing is tried that late.
        assert tries[-2] - tries[0] < days(1)
        assert len(world.mailer.mails) == len(tries) - 1 < 60
        assert (office.notice()["state"], office.notice()["reason"]) == ("withheld", "too_late")

    def test_Q4_what_the_provider_asks_for_is_waited(self, office: Office):
        office.world.mailer.outcomes = [NotNow("rate_limit_exceeded", 90.0)]
        office.happens("role_changed", user_id=office.agent)
        (job,) = office.jobs()
        assert (job["run_at"] - office.world.clock.now).total_seconds() == 90
        assert (job["error"], job["attempts"]) == ("rate_limit_exceeded", 0)

    def test_Q5_a_refusal_is_final(self, office: Office):
        office.world.mailer.outcomes = [Refused("validation_error")]
        office.happens("role_changed", user_id=office.agent)
        office.world.clock.pass_(hours=1)
        office.world.work("notify")
        assert len(office.world.mailer.mails) == 1
        assert (office.notice()["state"], office.notice()["reason"]) == ("refused", "validation_error")

    def test_one_that_was_taken_by_an_earlier_try(self, office: Office):
        office.world.mailer.outcomes = [Taken(None)]
        office.happens("role_changed", user_id=office.agent)
        assert (office.notice()["state"], office.notice()["provider_id"]) == ("taken", None)

    def test_our_own_mistake_is_reported_and_tried_again(self, office: Office):
        office.world.mailer.outcomes = [Misconfigured("No.", code="resend_credentials")]
        office.happens("role_changed", user_id=office.agent)
        assert [(job["error"], job["attempts"]) for job in office.jobs()] == [("resend_credentials", 1)]
        office.world.clock.pass_(minutes=1)
        office.world.work("notify")
        assert office.notice()["state"] == "taken"

    def test_G1_no_transaction_is_open_while_the_provider_is_called(self, office: Office):
        open_ones: list[Any] = []
        office.world.mailer.on_send = lambda _mail: open_ones.extend(
            office.world.rows(
                "SELECT state FROM pg_stat_activity WHERE usename = 'leadsrally_notify'"
                " AND datname = current_database() AND state <> 'idle'"
            )
        )
        office.happens("api_key_created", key_id=office.api_key())
        assert (len(office.world.mailer.mails), open_ones) == (2, [])


class TestHostile:
    @pytest.mark.parametrize(
        "address",
        [
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example\nBcc: c@d.example",
            "a@b.example, c@d.example",
            "a@b.example;c@d.example",
            "A <a@b.example>",
            "a b@c.example",
            '"a"@b.example',
            "a@@b.example",
            "no-address",
            "a@b.example\n",
            "a@b.example\x00"[:-1] + "\u0085x",
        ],
    )
    def test_I12_an_address_that_is_more_than_one_mailbox_is_refused(self, office: Office, address: str):
        assert office.told("invitation", invitation_id=office.invitation(email=address)) == []
        assert (office.notice()["state"], office.notice()["reason"]) == ("refused", "email_invalid")
        assert office.jobs() == []

    def test_I12_a_name_brings_no_header(self, office: Office):
        office.world.execute("UPDATE organizations SET name = E'Nice\\r\\nBcc: victim@example.test'")
        (mail,) = office.told("invitation", invitation_id=office.invitation())
        assert "\n" not in mail.subject
        assert "\r" not in mail.subject
        assert mail.subject.startswith("Invitation to Nice Bcc")
        assert not any(line.startswith("Bcc") for line in mail.text.splitlines())

    def test_I8_a_name_is_text_in_html(self, office: Office):
        name = '<img src=x onerror="alert(1)"> & {inviter} {until}'
        office.world.execute("UPDATE organizations SET name = %(name)s", name=name)
        (mail,) = office.told("invitation", invitation_id=office.invitation())
        assert "<img" not in mail.html
        assert "&lt;img src=x onerror=&quot;alert" in mail.html
        assert "{inviter} {until}" in mail.text  # I10: a value is never looked into

    def test_I8_a_name_is_no_link(self, office: Office):
        office.world.execute(
            "UPDATE organizations SET name = 'Win at https://evil.example/now or w@evil.example'"
        )
        (mail,) = office.told("invitation", invitation_id=office.invitation())
        for said in (mail.text, mail.html, mail.subject):
            assert "evil.example" not in said
            assert "https://e" not in said
            assert "evil\u2060.\u2060example" in said

    def test_I3_marks_that_turn_text_round_are_left_out(self, office: Office):
        office.world.execute("UPDATE organizations SET name = U&'safe\\202Egnp.exe'")
        (mail,) = office.told("invitation", invitation_id=office.invitation())
        assert "\u202e" not in mail.subject + mail.text + mail.html

    def test_a_device_is_named_in_our_words_only(self, office: Office):
        session = office.session(user_agent="Call +1 202 555 0143 at once, https://evil.example")
        (mail,) = office.told("new_login", user_id=office.agent, session_id=session)
        assert "evil" not in mail.text + mail.html
        assert "a program that we do not know" in " ".join(mail.text.split())
