"""The front desk of a world."""

import pytest

from leadsrally import runtime
from leadsrally.accounts.front_desk import FrontDesk
from tests.world import World


@pytest.fixture
def desk(world: World) -> FrontDesk:
    return runtime.of("api").front_desk
