"""What a manager does of an evening, in a real Chromium."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Shop, Watched, make_manager, sign_in, watch
from tests.durable.clusters import WorkerCluster
from tests.factories import days_before

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ANALYSIS = "[data-cache-type=app7_customer_analysis]"
PAGES = [
    "/admin/",
    "/admin/metrics/member/",
    "/admin/metrics/member/{member}/change/",
    "/admin/metrics/settlement/",
    "/admin/metrics/cardentry/",
    "/admin/aijobs/triggerjob/",
    "/admin/aijobs/alert/",
    "/admin/context/",
]


def open_member(page: Page) -> None:
    page.click("a[href='/admin/metrics/member/']")
    page.click("#result_list a:has-text('张三')")
    page.wait_for_selector(ANALYSIS)


def look_at(page: Page, day: date) -> None:
    page.click("#zqyy-badge")
    page.fill("[name=business_date]", day.isoformat())
    page.click(".zq-form button")
    page.wait_for_selector(".zq-bar-past")


def analyse_and_wait(page: Page) -> None:
    """Press the button; the text comes without the page being loaded again."""
    page.evaluate("window.sameAsBefore = true")
    page.click(f"{ANALYSIS} form button")
    expect(page.locator(f"{ANALYSIS} .zq-lead")).not_to_be_empty(timeout=60_000)
    assert page.evaluate("window.sameAsBefore") is True


def test_a_manager_goes_back_in_time_and_has_a_member_analysed(
    shop: Shop, workers: WorkerCluster, page: Page, watched: Watched
) -> None:
    past = days_before(shop.site, 10)
    sign_in(page, shop, shop.manager)
    open_member(page)
    expect(page.locator("#content")).to_contain_text("¥1,188.00")

    look_at(page, past)

    expect(page.locator("#zqyy-badge")).to_contain_text(past.isoformat())
    expect(page.locator("#content")).to_contain_text("¥188.00")
    expect(page.locator("#content")).not_to_contain_text("¥1,188.00")

    page.click("#zqyy-badge")
    page.click("button[name=scope][value=me]")

    expect(page.locator("#zqyy-bar")).not_to_have_class(re.compile("zq-bar-past"))
    expect(page.locator("#content")).to_contain_text("¥1,188.00")

    analyse_and_wait(page)

    expect(page.locator(f"{ANALYSIS} [data-progress]")).not_to_be_empty()
    assert watched == Watched()


def test_the_text_arrives_while_the_socket_is_down(
    shop: Shop, workers: WorkerCluster, page: Page
) -> None:
    page.route_web_socket("**/ws/**", lambda socket: socket.close())
    page.set_default_timeout(30_000)
    sign_in(page, shop, shop.manager)
    open_member(page)
    expect(page.locator("#zqyy-connection")).to_be_visible(timeout=10_000)

    analyse_and_wait(page)


def test_a_store_wide_date_reaches_a_colleagues_open_page(
    shop: Shop, page: Page, watched: Watched, browser: Browser
) -> None:
    past = days_before(shop.site, 10)
    colleague = browser.new_page(locale="zh-CN")
    seen = watch(colleague, shop.url)
    sign_in(colleague, shop, make_manager("colleague", shop.site))
    sign_in(page, shop, shop.manager)

    page.click("#zqyy-badge")
    page.fill("[name=business_date]", past.isoformat())
    page.check("[name=scope][value=site]")
    page.click(".zq-form button")
    page.click("[name=is_confirmed]")
    page.wait_for_selector(".zq-bar-past")

    expect(colleague.locator("#zqyy-badge")).to_contain_text(past.isoformat())
    assert (watched, seen) == (Watched(), Watched())
    colleague.close()


def test_no_page_is_wider_than_a_phone(shop: Shop, page: Page, watched: Watched) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, shop, shop.manager)

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for address in PAGES:
            page.goto(shop.url + address.format(member=shop.member.pk))
            page.wait_for_selector("#zqyy-badge")
            too_wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert (address, too_wide) == (address, 0)
    assert watched == Watched()
