from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from emulator_kit import Hand, Shop, emulator, raw, sdk
from metronome import Metronome

from nova_iac.emulator import Emulator


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def app(clock: Hand) -> Iterator[Emulator]:
    with emulator(clock=clock) as app:
        yield app


@pytest.fixture
def client(app: Emulator) -> Iterator[Metronome]:
    with sdk(app) as client:
        yield client


@pytest.fixture
def http(app: Emulator) -> Iterator[httpx.Client]:
    with raw(app) as client:
        yield client


@pytest.fixture
def shop(client: Metronome) -> Shop:
    return Shop(client)
