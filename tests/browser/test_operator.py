"""An operator has all finance cells analysed anew and looks at how that went."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from metrics.ranges import RANGES
from sandbox.context import live_context, use_context
from sandbox.options import set_option
from tests.browser.conftest import Shop, Watched, make_user, sign_in
from tests.browser.looking import too_wide
from tests.browser.test_clues import was_not_loaded_again
from tests.durable.clusters import WorkerCluster

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# 72 steps on a loaded machine.
PREWARM_MS = 120_000


def test_the_prewarm_fills_the_page_and_its_steps_and_runs_open(
    shop: Shop, page: Page, watched: Watched, worker_cluster: Callable[[str], WorkerCluster]
) -> None:
    worker_cluster("batch")
    with use_context(live_context(shop.site)):
        for key in ("ai_rate_per_minute", "prewarm_rate"):
            set_option(key=key, value=1000, site=shop.site, actor_id=None)
    sign_in(page, shop, make_user("operator", "operator", shop.site))
    page.goto(f"{shop.url}/admin/prewarm/")
    expect(page.locator(".zq-cell.zq-cell-missing")).to_have_count(9 * len(RANGES))

    page.focus("#prewarm-start")
    page.keyboard.press("Enter")
    expect(page.locator("#prewarm-start")).to_have_count(0)
    page.evaluate("window.sameAsBefore = true")
    expect(page.locator(".zq-cell.zq-cell-running")).to_have_count(0, timeout=PREWARM_MS)
    expect(page.locator("#prewarm-start")).to_be_visible()
    assert was_not_loaded_again(page)
    expect(page.locator("#last_month__all")).to_be_visible()

    page.click("#prewarm-job")
    bars = page.locator(".zq-steps > li")
    skipped = page.locator(".zq-skipped li")
    assert bars.count() + skipped.count() == 9 * len(RANGES)
    expect(page.locator(".zq-steps-axis text").first).to_be_visible()

    page.locator(".zq-steps .zq-link").first.click()
    expect(page.locator(".zq-raw").first).to_be_hidden()
    page.locator("details.zq-fold > summary").last.click()
    expect(page.locator(".zq-raw").last).to_be_visible()

    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("prewarm/", "aijobs/run/", page.url.partition("/admin/")[2]):
        page.goto(f"{shop.url}/admin/{address}")
        assert too_wide(page) == []
    assert watched == Watched()
