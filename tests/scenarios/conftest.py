"""A shop that takes payments and the bank that it takes them from, for the stories of payments."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.providers.zarinpal_server import ZarinpalServer
from tests.scenarios.shop import Shop


@pytest.fixture
def bank() -> Iterator[ZarinpalServer]:
    with ZarinpalServer() as server:
        yield server


@pytest.fixture
def shop(server: str, bank: ZarinpalServer) -> Iterator[Shop]:
    with httpx.Client(trust_env=False) as client:
        opened = Shop(server, bank, client)
        yield opened
        opened.database.dispose()
