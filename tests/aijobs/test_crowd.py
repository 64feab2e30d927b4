"""Three hundred clients miss nothing, whatever is restarted; those who never read slow nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from rest_framework_simplejwt.tokens import AccessToken

from aijobs import alerts as raising
from sandbox.models import Site, SiteGrant
from tests.aijobs.crowd import Client, Crowd, OwnValkey, WebServer, connect_and_never_read
from tests.aijobs.test_alerts import raise_now
from tests.durable.clusters import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CLIENTS = 300
READERS, DEAF = 20, 3
# On a loaded machine; a client that misses something waits forever.
PATIENCE_SECONDS = 120
# How long a reader may wait for an alert beside those who never read.
PROMPT_SECONDS = 3
# 300 of these do not fit into what the kernel keeps for a connection that nobody reads.
LARGE = "x" * 40_000


@pytest.fixture(autouse=True)
def each_alert_a_row(monkeypatch) -> None:
    monkeypatch.setattr(raising, "GROUPED", timedelta(0))


@pytest.fixture
def site() -> Site:
    return Site.objects.create(code="east", name="东店")


@pytest.fixture
def token(site) -> str:
    user = User.objects.create_user("manager")
    user.groups.add(Group.objects.get_or_create(name="manager")[0])
    SiteGrant.objects.create(user=user, site=site)
    return str(AccessToken.for_user(user))


@pytest.fixture
def valkey(settings) -> Iterator[OwnValkey]:
    own = OwnValkey()
    url = own.start()
    layer = settings.CHANNEL_LAYERS["default"]
    hosts = [{**layer["CONFIG"]["hosts"][0], "address": url}]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": hosts}}}
    yield own
    own.end()


def serve(valkey: OwnValkey, log: Path, *options: str) -> WebServer:
    server = WebServer(redis_url=valkey.server.environment()["REDIS_URL"], log=log, options=options)
    server.start()
    return server


def address_of(server: WebServer, site: Site) -> str:
    return f"ws://127.0.0.1:{server.port}/ws/ai-alerts/{site.pk}/"


def raise_many(site: Site, count: int) -> None:
    for _ in range(count):
        raise_now(site, "slo", name="API")
        time.sleep(0.05)


def test_nobody_misses_an_alert_through_restarts_of_server_and_valkey(
    site, token, valkey, tmp_path
):
    server = serve(valkey, tmp_path / "web.log", "--ws-ping-interval", "5")
    clients = [Client(address_of(server, site), token) for _ in range(CLIENTS)]
    try:
        with Crowd(clients) as crowd:
            raise_many(site, 10)
            wait_until(lambda: crowd.have_seen(10), seconds=PATIENCE_SECONDS)

            server.kill()
            raise_many(site, 5)
            server.start()
            raise_many(site, 5)
            wait_until(lambda: crowd.have_seen(20), seconds=PATIENCE_SECONDS)

            raise_many(site, 5)
            valkey.stop()
            raise_many(site, 5)
            valkey.start()
            raise_many(site, 5)
            wait_until(lambda: crowd.have_seen(35), seconds=PATIENCE_SECONDS)
    finally:
        server.kill()

    expected = list(range(1, 36))
    assert [client.seen for client in clients if client.seen != expected] == []
    assert all(client.connections >= 2 for client in clients)


def test_three_that_never_read_are_dropped_and_slow_nobody(site, token, valkey, tmp_path):
    # Pings would find them out first: here the sockets' own limits must.
    server = serve(valkey, tmp_path / "web.log", "--ws-ping-interval", "300")
    clients = [Client(address_of(server, site), token) for _ in range(READERS)]
    deaf = [connect_and_never_read(server.port, site.pk, token) for _ in range(DEAF)]
    slowest = 0.0
    count = 0

    def dropped() -> int:
        return server.log.read_text().count("dropped: send_timeout")

    try:
        with Crowd(clients) as crowd:
            wait_until(lambda: all(client.connections for client in clients), seconds=60)
            started = time.monotonic()
            while dropped() < DEAF:
                assert time.monotonic() - started < PATIENCE_SECONDS
                count += 1
                raise_now(site, "slo", name="API", log=LARGE)
                waited = wait_until(partial(crowd.have_seen, count), seconds=PATIENCE_SECONDS)
                slowest = max(slowest, waited)
    finally:
        server.kill()
        for client in deaf:
            client.close()

    assert slowest < PROMPT_SECONDS
    assert dropped() == DEAF
    assert {tuple(client.seen) for client in clients} == {tuple(range(1, count + 1))}
    assert {client.connections for client in clients} == {1}
