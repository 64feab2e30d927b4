"""A manager's morning: a call becomes a task, and the day's report goes into the clipboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from metrics.importers import push_rows
from metrics.models import CoachTask
from sandbox.context import live_context, use_context
from tests.browser.conftest import Shop, Watched, sign_in
from tests.browser.looking import too_wide
from tests.browser.test_clues import was_not_loaded_again
from tests.factories import bill, days_before, push_assistant, push_bills

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def push_regulars(shop: Shop) -> None:
    """Two members who came every week and stay away: 李四 with more at stake than 王五."""
    names = [("R1", "李四", 200), ("R2", "王五", 100)]
    rows = [{"external_id": pk, "name": name} for pk, name, _paid in names]
    push_rows(site=shop.site, kind="members", rows=rows)
    push_assistant(shop.site, "A1", name="小优")
    push_bills(
        shop.site,
        [
            bill(days_before(shop.site, 30 + 7 * nth), paid, member=pk)
            for pk, _name, paid in names
            for nth in range(4)
        ],
    )


def test_a_call_becomes_a_task_and_the_report_is_copied(
    shop: Shop, page: Page, watched: Watched
) -> None:
    push_regulars(shop)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, shop, shop.manager)
    page.evaluate("window.sameAsBefore = true")
    calls = page.locator("#calls li")
    expect(calls).to_have_count(2)

    first = calls.first
    expect(first).to_contain_text("李四")
    first.locator("summary").click()
    first.locator("[name=assistant]").select_option(label="小优")
    first.locator("[name=note]").fill("周四老位置")
    first.locator("[name=note]").press("Tab")
    page.keyboard.press("Enter")
    expect(calls).to_have_count(1)
    expect(calls).to_contain_text("王五")
    expect(page.locator("#calls [data-progress]")).not_to_be_empty()

    calls.locator("form[action$=contacted\\/] button").click()
    expect(page.locator("#calls .zq-empty")).to_be_visible()
    assert was_not_loaded_again(page)
    with use_context(live_context(shop.site)):
        assert list(CoachTask.objects.values_list("kind", "reason")) == [("recall", "周四老位置")]

    page.goto(f"{shop.url}/admin/daily-text/")
    page.click("[data-copy]")
    said = page.locator("[data-copied]")
    expect(said).to_have_text(str(said.get_attribute("data-copied")))
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#daily-text").text_content()
    assert days_before(shop.site, 1).isoformat() in copied

    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("", "tonight/", "daily-text/"):
        page.goto(f"{shop.url}/admin/{address}")
        assert too_wide(page) == []
    assert watched == Watched()
