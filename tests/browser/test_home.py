"""A manager's morning: a call becomes a task, and the day's report goes into the clipboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from metrics.entries import note_contacted
from metrics.importers import push_rows
from metrics.models import CoachTask, Contact, Note
from sandbox.context import live_context, use_context
from tests.browser.conftest import PATIENCE_MS, Shop, Watched, sign_in
from tests.browser.looking import too_wide
from tests.browser.test_clues import was_not_loaded_again
from tests.factories import bill, days_before, member_of, push_assistant, push_bills

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
    expect(page.locator("#calls [data-said]")).to_contain_text("李四")

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


def test_a_double_click_does_one_deed_and_the_keyboard_stays(
    shop: Shop, page: Page, watched: Watched
) -> None:
    push_regulars(shop)
    page.set_viewport_size({"width": 390, "height": 600})
    sign_in(page, shop, shop.manager)
    rows = page.locator("#calls [data-row]")
    pressed = rows.first.locator("form[action$='/contacted/'] button")
    pressed.scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 40)")
    before = page.evaluate("scrollY")

    pressed.dblclick()

    said = page.locator("#calls [data-said]")
    expect(said).to_contain_text("李四")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("王五")
    expect(rows.first).to_be_focused()
    assert page.evaluate("scrollY") == before
    with use_context(live_context(shop.site)):
        assert [contact.member.external_id for contact in Contact.objects.all()] == ["R1"]

    # The second press of a slower one, on what has come up under it.
    button = rows.first.locator("form[action$='/contacted/'] button")
    button.hover()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    expect(said).to_contain_text("李四")
    button.click()
    expect(said).to_contain_text("王五")
    assert watched == Watched()


def test_whoever_is_left_alone_comes_back_by_undo(shop: Shop, page: Page, watched: Watched) -> None:
    push_regulars(shop)
    sign_in(page, shop, shop.manager)
    rows = page.locator("#calls [data-row]")

    rows.last.locator("form[action$='/spare/'] button").click()
    said = page.locator("#calls [data-said]")
    expect(said).to_contain_text("王五")
    expect(rows).to_have_count(1)
    said.locator("button").click()

    expect(rows).to_have_count(2)
    expect(rows.last.locator("[data-said]")).to_contain_text("王五")
    expect(rows.last.locator("form[action$='/spare/'] button")).to_be_focused()
    assert watched == Watched()


def test_a_deed_that_is_refused_says_so_in_its_row(shop: Shop, page: Page) -> None:
    push_regulars(shop)
    page.set_default_timeout(PATIENCE_MS)
    sign_in(page, shop, shop.manager)
    row = page.locator("#calls [data-row]").last
    member = member_of(shop.site, "R2")
    with use_context(live_context(shop.site)) as ctx:
        note_contacted(ctx=ctx, member_id=member.pk, actor=shop.manager)

    row.locator("form[action$='/contacted/'] button").click()

    expect(row.locator("[role=alert]")).not_to_be_empty()
    expect(page.locator("#calls [data-row]")).to_have_count(2)


def test_a_form_of_its_own_page_is_sent_once(shop: Shop, page: Page, watched: Watched) -> None:
    sign_in(page, shop, shop.manager)
    page.goto(f"{shop.url}/admin/metrics/member/{shop.member.pk}/change/")

    page.fill("#notes [name=text]", "喜欢靠窗")
    page.evaluate(
        "() => { const form = document.querySelector('#notes form');"
        " form.requestSubmit(); form.requestSubmit(); }"
    )

    expect(page.locator("#notes .zq-clues li")).to_have_count(1)
    with use_context(live_context(shop.site)):
        assert Note.objects.count() == 1
    assert watched == Watched()
