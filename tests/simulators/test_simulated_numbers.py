"""Numbers are found, bought, pointed at a webhook and released by the official client."""

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

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
