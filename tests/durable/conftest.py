from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from zqyy.durable.leases import open_lease
from zqyy.durable.models import Lease


@pytest.fixture
def opened() -> Callable[..., Lease]:
    """Opens a lease in a transaction of its own."""

    def open_one(key: str = "job:1", *, cluster: str = "realtime", task: str = "x.y") -> Lease:
        with transaction.atomic():
            return open_lease(
                key=key,
                cluster=cluster,
                task=task,
                args={},
                site_id=None,
                mode="live",
                business_date=None,
            )

    return open_one
