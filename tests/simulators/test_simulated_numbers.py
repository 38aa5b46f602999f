"""Numbers are found, bought, pointed at a webhook and released by the official client."""

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.request_validator import RequestValidator

from tests.simulators.conftest import NUMBER


def test_search_buy_point_and_release(twilio, house, door):
    client = twilio()
    found = client.available_phone_numbers("US").local.list(area_code=415, sms_enabled=True, limit=3)
    assert len(found) == 3
    chosen = found[0].phone_number
    assert chosen.startswith("+1415555")
    assert found[0].capabilities["SMS"]
    bought = client.incoming_phone_numbers.create(phone_number=chosen, sms_url=f"{door.url}/first")
    assert (bought.phone_number, bought.status, bought.sms_url) == (chosen, "in-use", f"{door.url}/first")
    again = client.available_phone_numbers("US").local.list(area_code=415)
    assert chosen not in [number.phone_number for number in again]
    client.incoming_phone_numbers(bought.sid).update(sms_url=f"{door.url}/second")
    house.http.post("/twilio/_sim/phones/+15005550101/text", json={"to": chosen, "body": "hi"})
    assert door.calls[0].target == "/second"
    assert [n.sid for n in client.incoming_phone_numbers.list(phone_number=chosen)] == [bought.sid]
    assert client.incoming_phone_numbers(bought.sid).delete()
    assert [n.phone_number for n in client.incoming_phone_numbers.list(phone_number=chosen)] == []


def test_buying_twice(twilio):
    client = twilio()
    bought = client.incoming_phone_numbers.create(area_code="212")
    with pytest.raises(TwilioRestException) as refusal:
        client.incoming_phone_numbers.create(phone_number=bought.phone_number)
    assert refusal.value.code == 21422


def test_nothing_there(twilio):
    client = twilio()
    assert client.available_phone_numbers("US").local.list(area_code=999) == []
    with pytest.raises(TwilioException, match="20404"):  # listing raises the base class, without a code
        client.available_phone_numbers("XX").local.list()
    with pytest.raises(TwilioRestException) as area:
        client.incoming_phone_numbers.create(area_code="999")
    assert area.value.code == 21452


def test_own_numbers_keep_their_ids(twilio):
    from infra.simulators.twilio import TwilioNumber

    (own,) = twilio().incoming_phone_numbers.list(phone_number=NUMBER)
    assert own.sid == TwilioNumber(NUMBER).sid
    assert twilio().api.accounts(own.account_sid).fetch().status == "active"


def test_a_secondary_token_signs_in_and_signs_webhooks_once_it_is_promoted(house, twilio, door):
    account = house.twilio.accounts[next(iter(house.twilio.accounts))]
    first = account.auth_token
    made = house.http.post(f"/twilio/_sim/accounts/{account.sid}/secondary-token")
    second = made.json()["secondary_auth_token"]
    for token in (first, second):
        assert twilio(token=token).api.accounts(account.sid).fetch().sid == account.sid

    def signer() -> str:
        house.http.post("/twilio/_sim/phones/+15005550101/text", json={"to": NUMBER, "body": "hi"})
        call = door.calls[-1]
        return next(
            token
            for token in (first, second)
            if RequestValidator(token).validate(
                f"{door.url}{call.target}", dict(call.params), call.headers["x-twilio-signature"]
            )
        )

    assert signer() == first
    assert house.http.post(f"/twilio/_sim/accounts/{account.sid}/promote").status_code == 204
    assert signer() == second
    with pytest.raises(TwilioRestException):
        twilio(token=first).api.accounts(account.sid).fetch()
    assert house.http.post(f"/twilio/_sim/accounts/{account.sid}/promote").status_code == 404
    assert house.http.post("/twilio/_sim/accounts/AC0/secondary-token").status_code == 404


def test_a_number_with_an_application_sends_its_texts_there(twilio, house, door):
    client = twilio()
    (own,) = client.incoming_phone_numbers.list(phone_number=NUMBER)
    client.incoming_phone_numbers(own.sid).update(sms_application_sid="AP" + "1" * 32)
    sent = house.http.post("/twilio/_sim/phones/+15005550101/text", json={"to": NUMBER, "body": "hi"}).json()
    assert sent["status"] is None
    assert door.calls == []
    client.incoming_phone_numbers(own.sid).update(sms_application_sid="")
    house.http.post("/twilio/_sim/phones/+15005550101/text", json={"to": NUMBER, "body": "hi"})
    assert len(door.calls) == 1


def test_patterns_stand_for_digits(twilio):
    found = twilio().available_phone_numbers("US").local.list(contains="55501*7", limit=1)
    assert found[0].phone_number == "+12125550107"
    letters = twilio().available_phone_numbers("US").local.list(contains="JKL01", limit=1)
    assert letters[0].phone_number.startswith("+121255501")
    with pytest.raises(TwilioException):
        twilio().available_phone_numbers("US").local.list(contains="(")


def test_an_account_says_how_it_stands(house, twilio):
    account = house.twilio.accounts[next(iter(house.twilio.accounts))]
    account.status, account.type = "suspended", "Trial"
    seen = twilio().api.accounts(account.sid).fetch()
    assert (seen.status, seen.type) == ("suspended", "Trial")
