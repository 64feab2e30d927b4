from __future__ import annotations

import pytest

from tests.aijobs.store import Store


@pytest.fixture
def store(db) -> Store:
    return Store()
