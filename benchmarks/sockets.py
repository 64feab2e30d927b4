"""An alert to 300 open pages, beside a consumer that only passes messages on."""

from __future__ import annotations

import time
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.models import Group, User
from django.db import transaction
from rest_framework_simplejwt.tokens import AccessToken

from aijobs.alerts import alert_shape, raise_site_alert
from aijobs.events import VERSION
from aijobs.models import Alert
from benchmarks.audience import Audience, serving
from benchmarks.baselines.bare_consumer import GROUP
from benchmarks.measuring import Ratio, interleave, quantile_bounds
from sandbox.context import live_context, use_context
from sandbox.models import Site

CLIENTS = 300
ROUNDS = 100
TARGET = 1.5
# Between two alerts: what one left behind does not count for the next.
REST_SECONDS = 0.02


def alerts_to_many(*, site: Site, clients: int = CLIENTS, rounds: int = ROUNDS) -> Ratio:
    """The 99th percentile over the clients, from the commit to the client, in every round.

    Raises:
        SystemExit: a client missed an alert.
    """
    path = f"/ws/ai-alerts/{site.pk}/"
    with (
        serving("zqyy.asgi:application") as ours,
        serving("benchmarks.baselines.bare_consumer:application") as theirs,
        Audience(
            ours + path, clients=clients, subprotocols=["zqyy", _token()], greeting='{"ping": 1}'
        ) as readers,
        Audience(f"{theirs}/", clients=clients, subprotocols=[]) as bare,
    ):
        message = _message(_raise(site)[1])
        readers.wait_for(1)

        def raise_alert() -> float:
            time.sleep(REST_SECONDS)
            count = len(readers.heard[0])
            start, _alert = _raise(site)
            return _slow(start, readers.wait_for(count + 1))

        def pass_on() -> float:
            time.sleep(REST_SECONDS)
            count = len(bare.heard[0])
            start = time.perf_counter()
            event = {"type": "alert", "message": message}
            async_to_sync(get_channel_layer().group_send)(GROUP, event)
            return _slow(start, bare.wait_for(count + 1))

        pairs = interleave(ours=raise_alert, theirs=pass_on, pairs=rounds)
    return pairs.ratio(
        f"an alert to {clients} sockets, p99 / a bare Channels consumer",
        target=TARGET,
        note=f"all {clients * rounds:,} delivered, median p99 {_median_ms(pairs.ours):.0f} ms",
    )


def _raise(site: Site) -> tuple[float, Alert]:
    """Raise an alert; the moment of its commit."""
    moments: list[float] = []
    with use_context(live_context(site)):
        # The first hook of this transaction, before the announcement.
        transaction.on_commit(lambda: moments.append(time.perf_counter()))
        alert = raise_site_alert(
            site_id=site.pk, alert_type="slo", code="slo", params={"name": "benchmark"}
        )
    return moments[0], alert


def _message(alert: Alert) -> dict[str, Any]:
    """The same message, as the bare consumer passes it on."""
    return {
        "v": VERSION,
        "type": "alert_created",
        "site_id": alert.site_id,
        "payload": alert_shape(alert),
    }


def _token() -> str:
    user = User.objects.create_user("sockets")
    user.groups.add(Group.objects.get(name="operator"))
    return str(AccessToken.for_user(user))


def _slow(start: float, heard: list[float]) -> float:
    return sorted(heard)[round(len(heard) * 0.99) - 1] - start


def _median_ms(samples: list[float]) -> float:
    return quantile_bounds(samples, 0.5)[0] * 1000
