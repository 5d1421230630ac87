"""What the tests of polling have: a look-alike of HubSpot, and no pauses between attempts."""

from collections.abc import Iterator

import pytest
import stamina

from tests.integration.sync.hubspot import FakeHubSpot
from tests.integration.vendor_support import fake_vendor, served


@pytest.fixture
def vendor() -> FakeHubSpot:
    return FakeHubSpot()


@pytest.fixture
def url(vendor: FakeHubSpot) -> Iterator[str]:
    with served(fake_vendor(vendor)) as url:
        yield url


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield
