"""Pictures of every page that the demo's people may open, in Chinese, into docs/screenshots/.

    make run            in one terminal
    make screenshots    in another

One at both widths in both colour schemes, named <page>-<width>-<scheme>.webp. Every page of
tests/admin/pages.py: whoever adds one there has its pictures taken. What the demo does not bring
(an API key, an import) is made first, through the pages.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from zqyy.embedded import attach_or_start
from zqyy.embedded.folder import PROJECT, DataFolder, default_path

RUNNING = DataFolder(default_path()).read_running()
if RUNNING is None or not RUNNING.address:
    sys.exit("There is nothing to take pictures of: start the demo with `make run` first.")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zqyy.settings")
attach_or_start()

import django  # noqa: E402  settings name the servers: they come first

django.setup()

from django.conf import settings  # noqa: E402
from django.utils.translation import override  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from metrics.importers.kinds import KINDS  # noqa: E402
from metrics.importers.kinds.words import titles_of  # noqa: E402
from tests.admin.pages import PAGES, address_of  # noqa: E402
from tests.browser.chromium import FLAGS, find_chromium  # noqa: E402
from tests.browser.looking import SCHEMES, WIDTHS, put_on  # noqa: E402

# How many screens of a long page a picture shows.
SCREENS = 1.25
QUALITY = 70
# Whose eyes a page is seen with: of its readers the one with the most to do there.
VIEWERS = ("manager", "operator")
# Read by both, done by one.
DONE_BY = {"metrics_fileimport_changelist": "operator", "metrics_fileimport_change": "operator"}
AI_MS = 120_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=PROJECT / "docs" / "screenshots")
    parser.add_argument("--screens", type=float, default=SCREENS, help="height of the longest")
    parser.add_argument("--only", default="", help="pages whose name contains this")
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=list(FLAGS),
            # Its own words too, where Debian's chromium-l10n is installed.
            env={**os.environ, "LANGUAGE": "zh_CN"},
        )
        for viewer in VIEWERS:
            page = sign_in(browser, RUNNING.address, viewer)
            if viewer == VIEWERS[0]:
                write_everything_anew(page)
            else:
                make_what_is_missing(page)
            take(page, viewer, given)


def sign_in(browser: Browser, url: str, viewer: str) -> Page:
    # Playwright hides the caret with a style of its own, which our policy refuses.
    context = browser.new_context(
        base_url=url, locale="zh-CN", bypass_csp=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/admin/")
    page.fill("[name=username]", viewer)
    page.fill("[name=password]", settings.DEMO_PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_selector("#zqyy-badge")
    return page


def take(page: Page, viewer: str, given: argparse.Namespace) -> None:
    for one in PAGES:
        first = next((name for name in VIEWERS if name in one.readers), None)
        seen_by = DONE_BY.get(one.name, first)
        if seen_by != viewer or given.only not in one.name:
            continue
        try:
            page.goto(address_of(one.name, read_with(page)))
        except LookupError as nothing:
            sys.stdout.write(f"  no picture of {one.name}: {nothing}\n")
            continue
        for name, picture in pictures(page, given.screens):
            file = given.to / f"{one.name}-{name}.webp"
            Image.open(BytesIO(picture)).save(file, quality=QUALITY, method=6)
            sys.stdout.write(f"{file.stat().st_size // 1024:4} KB  {file.name}\n")


def read_with(page: Page) -> Callable[[str], str]:
    return lambda address: page.request.get(address).text()


def write_everything_anew(page: Page) -> None:
    """Whatever AI says of the store, and of the member whose pages are shown."""
    for name in ("index", "metrics_member_change"):
        page.goto(address_of(name, read_with(page)))
        for button in page.locator("[data-panel] form[data-run] button:visible").all():
            button.click()
            expect(button).to_be_enabled(timeout=AI_MS)


def make_what_is_missing(page: Page) -> None:
    for name, make in (
        ("sandbox_apikey_change", make_api_key),
        ("metrics_fileimport_change", look_at_members),
    ):
        try:
            address_of(name, read_with(page))
        except LookupError:
            make(page)


def make_api_key(page: Page) -> None:
    page.goto(address_of("sandbox_apikey_add", read_with(page)))
    page.fill("[name=name]", "收银系统")
    page.click("[name=_save]")
    page.wait_for_selector("#result_list")


def look_at_members(page: Page) -> None:
    """Leave a file at its preview: one good row, one without a number."""
    with override("zh-hans"):
        titles = titles_of(KINDS["members"])
    header = ",".join(titles[name] for name in ("external_id", "name", "phone", "joined_at"))
    rows = [header, "X0001,赵建国,13800001111,2026-01-15", ",孙丽,13800002222,2026-01-16"]
    page.goto(address_of("metrics_fileimport_changelist", read_with(page)))
    page.select_option("[name=kind]", "members")
    file = {"name": "会员.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()}
    page.set_input_files("[name=file]", file)
    page.click("#upload form button")
    page.wait_for_selector("#preview")


def pictures(page: Page, screens: float) -> Iterator[tuple[str, bytes]]:
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        whole = page.evaluate("document.documentElement.scrollHeight")
        # A higher window rather than a picture beyond it: what sticks to its edges stays there.
        page.set_viewport_size({"width": width, "height": min(whole, int(screens * height))})
        for scheme in SCHEMES:
            put_on(page, scheme)
            page.wait_for_load_state("networkidle")
            yield f"{width}-{scheme}", page.screenshot()


if __name__ == "__main__":
    main()
