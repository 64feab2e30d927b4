"""A real browser, a real web server and real workers on the database of the running test."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, User
from django.db import connections
from playwright.sync_api import ConsoleMessage, Page, Request

from metrics.importers import push_rows
from metrics.models import Member
from sandbox.models import Site, SiteGrant
from tests.browser.chromium import FLAGS, find_chromium
from tests.durable.clusters import WorkerCluster, on_test_database, wait_until
from tests.factories import bill, card_entry, days_before, make_site, member_of, push_bills
from tests.showroom import furnish

PASSWORD = "correct horse battery"
SERVER_SECONDS = 60
# A loaded machine may take its time; a broken page takes forever.
PATIENCE_MS = 30_000


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """How pytest-playwright starts the Chromium of this machine."""
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium here; `apt-get install chromium` brings it")
    return {"executable_path": found, "args": list(FLAGS), "headless": True}


@pytest.fixture
def browser_context_args() -> dict[str, Any]:
    return {"viewport": {"width": 1280, "height": 800}, "locale": "zh-CN"}


@pytest.fixture(scope="session", autouse=True)
def orm_beside_playwright() -> Iterator[None]:
    """Playwright keeps an event loop in this thread; Django would refuse every query beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


class Server:
    """A web server on the test's database; stopped and started again it keeps its address."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        command = ["uvicorn", "zqyy.asgi:application", *address]
        command += ["--timeout-graceful-shutdown", "1"]
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "zqyy.settings",
            "ZQYY_PROCESS": "web",
            "DATABASE_URL": on_test_database(os.environ["DATABASE_URL"]),
        }
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=environment,
                cwd=settings.BASE_DIR,
                stdout=output,
                stderr=output,
            )
        wait_until(lambda: answers(self.port), seconds=SERVER_SECONDS)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@dataclass
class Shop:
    """A running store: its server, its manager, and a member of whom much is known."""

    server: Server
    site: Site
    manager: User
    member: Member

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture
def workers(worker_cluster: Callable[[str], WorkerCluster]) -> WorkerCluster:
    """Who works off the jobs that a page opens."""
    return worker_cluster("realtime")


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    """The store, served; one bill of 188 lies 40 days back, one of 1,000 3 days back."""
    site = make_site("east", name="东店")
    push_rows(site=site, kind="members", rows=[{"external_id": "M1", "name": "张三"}])
    push_bills(
        site,
        [
            bill(days_before(site, 40), 188, member="M1"),
            bill(days_before(site, 3), 1000, member="M1"),
        ],
    )
    entries = [card_entry("M1", days_before(site, 41), 500)]
    push_rows(site=site, kind="card_entries", rows=entries)
    manager = make_manager("manager", site)
    yield from serve(Shop(Server(tmp_path / "web.log"), site, manager, member_of(site, "M1")))


@pytest.fixture
def showroom(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    """A store with something on every page, and a superuser in the manager's place."""
    site = make_site("store1", name="北店")
    owner = _make_account("老板", is_superuser=True)
    apart(furnish, site, owner)
    yield from serve(Shop(Server(tmp_path / "web.log"), site, owner, member_of(site, "M1")))


def serve(shop: Shop) -> Iterator[Shop]:
    try:
        shop.server.start()
        yield shop
    finally:
        shop.server.stop()


def make_manager(name: str, site: Site) -> User:
    return make_user(name, "manager", site)


def make_user(name: str, role: str, site: Site) -> User:
    user = _make_account(name)
    user.groups.add(Group.objects.get(name=role))
    SiteGrant.objects.create(user=user, site=site)
    return user


def _make_account(name: str, **fields: Any) -> User:
    # The web server does not know the fast hasher of the tests.
    password = PBKDF2PasswordHasher().encode(PASSWORD, "salt")
    return User.objects.create(username=name, password=password, is_staff=True, **fields)


def apart(work: Callable[..., object], *arguments: Any, **named: Any) -> None:
    """Do it in a thread: what announces something needs one without Playwright's event loop."""

    def do() -> None:
        try:
            work(*arguments, **named)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(do).result()


@dataclass
class Watched:
    """What a page must not do: errors in its console, requests to other hosts."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


@pytest.fixture
def watched(page: Page, shop: Shop) -> Watched:
    return watch(page, shop.url)


def watch(page: Page, url: str) -> Watched:
    seen = Watched()
    host = url.removeprefix("http://")

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            seen.errors.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((f"http://{host}/", f"ws://{host}/", "data:")):
            seen.outside.append(request.url)

    page.on("console", on_console)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("request", on_request)
    page.set_default_timeout(PATIENCE_MS)
    return seen


def sign_in(page: Page, shop: Shop, user: User) -> None:
    page.goto(f"{shop.url}/admin/")
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_selector("#zqyy-badge")


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
