from __future__ import annotations

from collections.abc import Iterator

import pytest
from channels.layers import channel_layers

from aijobs import gate
from aijobs.standin.server import StandIn
from tests.aijobs.store import Store


@pytest.fixture
def store(db) -> Store:
    return Store()


@pytest.fixture
def provider(settings):
    """A provider to order, which this process calls instead of the rules."""
    server = StandIn()
    for name, value in server.settings().items():
        setattr(settings, name, value)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch):
    monkeypatch.setattr(gate, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def layer_of_its_own() -> Iterator[None]:
    """Every test has an event loop of its own, and the channel layer's locks belong to one."""
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()
