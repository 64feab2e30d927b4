"""A real browser, a real web server and real workers on the database of the running test."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, User
from playwright.sync_api import ConsoleMessage, Page, Request

from metrics.importers import push_rows
from metrics.models import Member
from sandbox.models import Site, SiteGrant
from tests.durable.clusters import WorkerCluster, on_test_database, wait_until
from tests.factories import bill, card_entry, days_before, make_site, member_of, push_bills

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PASSWORD = "correct horse battery"
SERVER_SECONDS = 60
# A loaded machine may take its time; a broken page takes forever.
PATIENCE_MS = 30_000


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """How pytest-playwright starts the Chromium of this machine."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
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


@dataclass
class Shop:
    """A running store: its address, its manager, and a member of whom much is known."""

    url: str
    site: Site
    manager: User
    member: Member


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
    with serving(tmp_path / "web.log") as url:
        yield Shop(url, site, make_manager("manager", site), member_of(site, "M1"))


def make_manager(name: str, site: Site) -> User:
    return make_user(name, "manager", site)


def make_user(name: str, role: str, site: Site) -> User:
    # The web server does not know the fast hasher of the tests.
    password = PBKDF2PasswordHasher().encode(PASSWORD, "salt")
    user = User.objects.create(username=name, password=password, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    SiteGrant.objects.create(user=user, site=site)
    return user


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


@contextmanager
def serving(log: Path) -> Iterator[str]:
    """A web server on the test's database; its address."""
    port = free_port()
    command = ["uvicorn", "zqyy.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "zqyy.settings",
        "ZQYY_PROCESS": "web",
        "DATABASE_URL": on_test_database(os.environ["DATABASE_URL"]),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--timeout-graceful-shutdown", "1"],
            env=environment,
            cwd=settings.BASE_DIR,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: answers(port), seconds=SERVER_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


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
