from __future__ import annotations

import pytest

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
