"""The socket, over the real channel layer."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from aijobs import consumers, events
from sandbox.models import Site, SiteGrant
from sandbox.tokens import issue_tokens, revoke_tokens, rotate_tokens
from tests.aijobs.sockets import Socket
from tests.aijobs.test_alerts import raise_now

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = (b"origin", b"http://testserver")


@pytest.fixture
def site() -> Site:
    return Site.objects.create(code="east", name="东店")


@pytest.fixture
def manager(site) -> User:
    user = User.objects.create_user("manager")
    user.groups.add(Group.objects.get_or_create(name="manager")[0])
    SiteGrant.objects.create(user=user, site=site)
    return user


def cookie_of(user: User) -> tuple[bytes, bytes]:
    client = Client()
    client.force_login(user)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    return (b"cookie", f"{settings.SESSION_COOKIE_NAME}={key}".encode())


async def closed_with(socket: Socket) -> int:
    await socket.open()
    return await socket.end()


def announce_everything(site_id: int, user_id: int) -> None:
    from datetime import date

    day = date(2026, 5, 5)
    events.announce_job_progress(site_id=site_id, mode="live", business_date=day, job={"id": 7})
    events.announce_cache_update(
        site_id=site_id,
        mode="live",
        business_date=day,
        cache_type="app7_customer_analysis",
        target_id="12",
        triggered_by="consumption",
    )
    events.announce_context_change(
        site_id=site_id, user_id=user_id, mode="sandbox", business_date=day
    )


def test_a_session_hears_its_store_and_its_own_view(site, manager):
    cookie = cookie_of(manager)

    @async_to_sync
    async def scene():
        socket = Socket(site.pk, headers=[cookie, ORIGIN])
        assert await socket.open() is None
        await asyncio.sleep(0.3)
        await sync_to_async(announce_everything)(site.pk, manager.pk)
        messages = [await socket.hear() for _ in range(3)]
        await socket.leave()
        return messages

    messages = scene()

    assert [(m["v"], m["type"], m["site_id"]) for m in messages] == [
        (1, "job_progress", site.pk),
        (1, "cache_updated", site.pk),
        (1, "context_changed", site.pk),
    ]
    assert messages[0]["payload"] == {"id": 7, "mode": "live", "business_date": "2026-05-05"}
    assert messages[1]["payload"] == {
        "cache_type": "app7_customer_analysis",
        "target_id": "12",
        "triggered_by": "consumption",
        "mode": "live",
        "business_date": "2026-05-05",
    }


def test_a_token_in_the_subprotocol_needs_no_origin(site, manager):
    token = str(AccessToken.for_user(manager))

    @async_to_sync
    async def scene():
        socket = Socket(site.pk, subprotocols=["zqyy", token])
        answer = await socket.open()
        await socket.leave()
        return answer

    assert scene() == "zqyy"


def test_nobody_is_closed_with_4401(site):
    assert async_to_sync(closed_with)(Socket(site.pk, headers=[ORIGIN])) == 4401


def test_a_forged_token_is_closed_with_4401(site):
    socket = Socket(site.pk, subprotocols=["zqyy", "not.a.token"])

    assert async_to_sync(closed_with)(socket) == 4401


@pytest.mark.parametrize("origin", [[], [(b"origin", b"https://elsewhere.example")]])
def test_a_session_from_another_origin_is_closed_with_4403(site, manager, origin):
    socket = Socket(site.pk, headers=[cookie_of(manager), *origin])

    assert async_to_sync(closed_with)(socket) == 4403


def test_another_store_is_closed_with_4403(manager):
    west = Site.objects.create(code="west", name="西店")
    token = str(AccessToken.for_user(manager))

    assert async_to_sync(closed_with)(Socket(west.pk, subprotocols=["zqyy", token])) == 4403


def test_another_users_own_view_is_not_heard(site, manager):
    token = str(AccessToken.for_user(manager))

    @async_to_sync
    async def scene():
        socket = Socket(site.pk, subprotocols=["zqyy", token])
        await socket.open()
        await asyncio.sleep(0.3)
        await sync_to_async(events.announce_context_change)(
            site_id=site.pk, user_id=manager.pk + 1, mode="live", business_date=None
        )
        silent = await socket.receive_nothing(0.5)
        await socket.leave()
        return silent

    assert scene()


def test_the_socket_closes_when_its_token_expires(site, manager):
    token = AccessToken.for_user(manager)
    token.set_exp(lifetime=timedelta(seconds=2))

    @async_to_sync
    async def scene():
        socket = Socket(site.pk, subprotocols=["zqyy", str(token)])
        await socket.open()
        return await socket.end()

    assert scene() == 4401


def test_the_socket_closes_when_the_store_is_no_longer_theirs(site, manager, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.2)
    token = str(AccessToken.for_user(manager))

    @async_to_sync
    async def scene():
        socket = Socket(site.pk, subprotocols=["zqyy", token])
        await socket.open()
        await sync_to_async(SiteGrant.objects.all().delete)()
        return await socket.end()

    assert scene() == 4403


def test_the_socket_closes_when_its_sign_in_is_ended(site, manager, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.2)
    tokens = issue_tokens(user=manager)

    @async_to_sync
    async def scene():
        socket = Socket(site.pk, subprotocols=["zqyy", tokens.access])
        await socket.open()
        still_open = await socket.receive_nothing(0.5)
        await sync_to_async(revoke_tokens)(refresh=tokens.refresh)
        return still_open, await socket.end()

    assert scene() == (True, 4401)


def test_a_renewed_sign_in_keeps_its_socket(site, manager, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.2)
    tokens = issue_tokens(user=manager)

    @async_to_sync
    async def scene():
        socket = Socket(site.pk, subprotocols=["zqyy", tokens.access])
        await socket.open()
        await sync_to_async(rotate_tokens)(refresh=tokens.refresh)
        still_open = await socket.receive_nothing(0.6)
        await socket.leave()
        return still_open

    assert scene()


def test_the_socket_of_a_page_closes_when_its_user_signs_out(site, manager, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.2)
    cookie = cookie_of(manager)

    @async_to_sync
    async def scene():
        socket = Socket(site.pk, headers=[cookie, ORIGIN])
        await socket.open()
        await sync_to_async(Session.objects.all().delete)()
        return await socket.end()

    assert scene() == 4401


def test_who_becomes_an_assistant_hears_no_more_alerts(site, manager, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.2)
    token = str(AccessToken.for_user(manager))

    def become_assistant() -> None:
        manager.groups.set([Group.objects.get_or_create(name="assistant")[0]])

    @async_to_sync
    async def scene():
        socket = Socket(site.pk, subprotocols=["zqyy", token])
        await socket.open()
        await sync_to_async(become_assistant)()
        await asyncio.sleep(1)
        await sync_to_async(raise_now)(site)
        silent = await socket.receive_nothing(0.6)
        await socket.leave()
        return silent

    assert scene()
