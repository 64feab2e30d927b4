from __future__ import annotations

import pytest

from metrics.events import Event
from tests.metrics import sink


@pytest.fixture(autouse=True)
def events(settings) -> list[Event]:
    """What metrics published in this test; nobody works it off."""
    settings.EVENT_SINK = "tests.metrics.sink.collect"
    sink.published.clear()
    sink.alerts.clear()
    return sink.published
