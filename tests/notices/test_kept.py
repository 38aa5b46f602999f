"""How long notices stay: as long as whom they are about."""

import psycopg

from tests.notices.conftest import Office


class TestGone:
    def test_with_a_sign_up_that_nobody_confirmed(self, office: Office):
        """The sweep of such organisations knows nothing of mail, and need not."""
        world = office.world
        world.execute("DELETE FROM users")
        world.execute("UPDATE organizations SET state = 'pending'")
        office.happens("verify_signup", signup_id=office.signup("canary@harbour.example"))
        assert office.hears("delivered", office.notice()) == 200
        with psycopg.connect(world.database.url("leadsrally_retention_sweep")) as sweep:
            for name in ("jobs", "signups", "organizations"):
                sweep.execute(f"DELETE FROM {name}")  # pyright: ignore[reportArgumentType]
        for name in ("organizations", "notices", "notice_events"):
            assert world.rows(f"SELECT * FROM {name}") == [], name

    def test_with_the_person(self, office: Office):
        office.happens("api_key_created", key_id=office.api_key())
        for notice in office.notices():
            office.hears("delivered", notice)
        office.world.execute("DELETE FROM users WHERE id = %(id)s", id=office.agent)
        assert [notice["user_id"] for notice in office.notices()] == [office.owner]
        assert office.world.value("SELECT count(*) FROM notice_events") == 1
