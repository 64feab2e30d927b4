"""Alerts over the socket: live, after a gap, and what a client may say."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import Group, User
from rest_framework_simplejwt.tokens import AccessToken

from aijobs import alerts as raising
from aijobs import broadcast, consumers
from aijobs.alert_log import acknowledge_alerts, forget_old_alerts
from sandbox.context import live_context, use_context
from sandbox.models import Site, SiteGrant
from tests.aijobs.sockets import Socket
from tests.aijobs.test_alerts import grow_older, raise_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site() -> Site:
    return Site.objects.create(code="east", name="东店")


@pytest.fixture(autouse=True)
def each_alert_a_row(monkeypatch) -> None:
    monkeypatch.setattr(raising, "GROUPED", timedelta(0))


def someone(role: str, site: Site) -> User:
    user = User.objects.create_user(role)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    SiteGrant.objects.create(user=user, site=site)
    return user


@pytest.fixture
def token(site) -> str:
    return str(AccessToken.for_user(someone("manager", site)))


async def connected(site: Site, token: str, **kwargs) -> Socket:
    """A socket that is in its groups: it has answered."""
    socket = Socket(site.pk, subprotocols=["zqyy", token], **kwargs)
    await socket.open()
    await socket.say({"ping": 1})
    assert (await socket.hear())["type"] == "pong"
    return socket


async def raise_some(site: Site, *types: str) -> None:
    for alert_type in types:
        await sync_to_async(raise_now)(site, alert_type)


async def numbers(socket: Socket, count: int) -> list[tuple[str, int]]:
    heard = [await socket.hear() for _ in range(count)]
    return [(message["type"], message["payload"]["seq"]) for message in heard]


def test_an_alert_arrives_live_in_the_readers_language(site, token):
    @async_to_sync
    async def scene():
        english = [(b"accept-language", b"en")]
        chinese, other = await connected(site, token), await connected(site, token, headers=english)
        await raise_some(site, "recovered")
        heard = [await chinese.hear(), await other.hear()]
        await chinese.leave()
        await other.leave()
        return heard

    chinese, english = scene()

    assert (english["v"], english["type"], english["site_id"]) == (1, "alert_created", site.pk)
    assert english["payload"]["seq"] == 1
    assert english["payload"]["message"] == "AI answers again; nothing is to be done."
    assert chinese["payload"]["severity_label"] != english["payload"]["severity_label"]


def test_a_client_goes_on_where_it_stopped(site, token):
    @async_to_sync
    async def scene():
        await raise_some(site, "slo", "failed", "timeout")
        socket = await connected(site, token)
        await socket.say({"resume_after": 1})
        missed = await numbers(socket, 2)
        await raise_some(site, "overrun")
        live = await numbers(socket, 1)
        silent = await socket.receive_nothing(0.5)
        await socket.leave()
        return missed, live, silent

    missed, live, silent = scene()

    assert missed == [("alert_created", 2), ("alert_created", 3)]
    assert live == [("alert_created", 4)]
    assert silent


def test_what_is_announced_while_it_catches_up_comes_once(site, token):
    @async_to_sync
    async def scene():
        await raise_some(site, *["slo"] * 5)
        socket = await connected(site, token)
        writing = asyncio.ensure_future(raise_some(site, *["failed"] * 20))
        await socket.say({"resume_after": 0})
        heard = await numbers(socket, 25)
        await writing
        silent = await socket.receive_nothing(0.5)
        await socket.leave()
        return heard, silent

    heard, silent = scene()

    assert heard == [("alert_created", number) for number in range(1, 26)]
    assert silent


def test_a_number_whose_announcement_is_lost_is_read_with_the_next(site, token):
    @async_to_sync
    async def scene():
        socket = await connected(site, token)
        with nobody_listening():
            await raise_some(site, "slo", "failed")
        silent = await socket.receive_nothing(0.5)
        await raise_some(site, "timeout")
        heard = await numbers(socket, 3)
        await socket.leave()
        return silent, heard

    assert scene() == (True, [("alert_created", number) for number in (1, 2, 3)])


def test_a_connection_that_valkey_has_forgotten_catches_up_by_itself(site, token, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.5)

    @async_to_sync
    async def scene():
        socket = await connected(site, token)
        forget_groups()
        await raise_some(site, "slo", "failed")
        missed = await numbers(socket, 2)
        await asyncio.sleep(1)
        await raise_some(site, "timeout")
        live = await numbers(socket, 1)
        await socket.leave()
        return missed, live

    missed, live = scene()

    assert missed == [("alert_created", 1), ("alert_created", 2)]
    assert live == [("alert_created", 3)]


def test_older_than_the_retention_means_resync(site, token):
    @async_to_sync
    async def scene():
        await raise_some(site, "slo", "failed")
        await sync_to_async(grow_older)(site, days=31)
        await sync_to_async(forget_old_alerts)()
        socket = await connected(site, token)
        await socket.say({"resume_after": 1})
        heard = await numbers(socket, 1)
        await raise_some(site, "timeout")
        heard += await numbers(socket, 1)
        await socket.leave()
        return heard

    assert scene() == [("resync", 2), ("alert_created", 3)]


def test_an_acknowledgement_reaches_the_other_pages(site, token):
    def acknowledge() -> None:
        with use_context(live_context(site)):
            acknowledge_alerts(site_id=site.pk, alert_ids=[alert.pk], user_id=reader.pk)

    alert, reader = raise_now(site), User.objects.get()

    @async_to_sync
    async def scene():
        socket = await connected(site, token)
        await sync_to_async(acknowledge)()
        heard = await socket.hear()
        await socket.leave()
        return heard

    message = scene()

    assert (message["type"], message["payload"]) == ("alert_acknowledged", {"ids": [alert.pk]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "{}",
        '{"resume_after": "1"}',
        '{"resume_after": -1}',
        '{"resume_after": 1.5}',
        '{"resume_after": true}',
        '{"resume_after": null}',
        '{"resume_after": 99999999999999999999}',
        '{"shout": 1}',
        "[" * 999,
        '{"ping": 1, "x": "' + "x" * 2000 + '"}',
    ],
)
def test_what_we_do_not_understand_is_answered_and_the_socket_stays(site, token, text):
    @async_to_sync
    async def scene():
        socket = await connected(site, token)
        await socket.send_input({"type": "websocket.receive", "text": text})
        error = await socket.hear()
        await socket.say({"ping": 5})
        pong = await socket.hear()
        await socket.leave()
        return error, pong

    error, pong = scene()

    assert (error["type"], error["payload"]["code"]) == ("error", "invalid_message")
    assert "resume_after" in error["payload"]["message"]
    assert (pong["type"], pong["payload"]) == ("pong", {"ping": 5, "seq": 0})


def test_bytes_are_not_understood_either(site, token):
    @async_to_sync
    async def scene():
        socket = await connected(site, token)
        await socket.send_input({"type": "websocket.receive", "bytes": b"\xff"})
        error = await socket.hear()
        await socket.leave()
        return error

    assert scene()["payload"]["code"] == "invalid_message"


def test_an_assistant_hears_no_alerts(site):
    token = str(AccessToken.for_user(someone("assistant", site)))

    @async_to_sync
    async def scene():
        socket = await connected(site, token)
        await raise_some(site, "slo")
        await socket.say({"resume_after": 0})
        heard = await socket.hear()
        silent = await socket.receive_nothing(0.5)
        await socket.leave()
        return heard, silent

    heard, silent = scene()

    assert (heard["type"], heard["payload"]["code"]) == ("error", "not_permitted")
    assert silent


def test_another_stores_alerts_are_not_heard(site, token):
    west = Site.objects.create(code="west", name="西店")

    @async_to_sync
    async def scene():
        socket = await connected(site, token)
        await raise_some(west, "slo")
        await socket.say({"resume_after": 0})
        silent = await socket.receive_nothing(0.5)
        await socket.leave()
        return silent

    assert scene()


def test_a_signed_out_session_cannot_go_on(site, token):
    @async_to_sync
    async def scene():
        socket = await connected(site, token)
        await sync_to_async(User.objects.update)(is_active=False)
        await socket.say({"resume_after": 0})
        return await socket.end()

    assert scene() == 4401


def forget_groups() -> None:
    """What a restart of Valkey does to those who are connected."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as valkey:
        for key in valkey.scan_iter("zqyy:group:*"):
            valkey.delete(key)


@contextmanager
def nobody_listening() -> Iterator[None]:
    """What is announced in here is lost."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as valkey:
        keys = list(valkey.scan_iter("zqyy:group:*"))
        for key in keys:
            valkey.rename(key, b"kept:" + key)
        yield
        assert broadcast.flush()
        for key in keys:
            valkey.rename(b"kept:" + key, key)
