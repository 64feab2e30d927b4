"""What a manager does of an evening, in a real Chromium."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.sync_api import Browser, Page, expect

from aijobs.jobs import open_app_run
from metrics.entries import record_task
from metrics.models import Assistant
from sandbox.context import live_context, use_context
from sandbox.runtime import change_runtime_context
from tests.aijobs.test_alerts import raise_now
from tests.browser.conftest import (
    PATIENCE_MS,
    Shop,
    Watched,
    apart,
    make_manager,
    sign_in,
    watch,
)
from tests.browser.looking import too_wide
from tests.durable.clusters import WorkerCluster
from tests.factories import (
    bill,
    days_before,
    make_site,
    member_of,
    push_assistant,
    push_bills,
    push_member,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ANALYSIS = "[data-cache-type=app7_customer_analysis]"
# What a manager has open of an evening, beside the home page.
KINDS_OF_PAGES = [
    "/admin/tonight/",
    "/admin/metrics/member/",
    "/admin/metrics/member/{member}/change/",
    "/admin/metrics/assistant/",
    "/admin/metrics/coachtask/",
    "/admin/metrics/contact/receipt/",
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


def test_on_a_phone_the_text_arrives_while_the_socket_is_down(
    shop: Shop, workers: WorkerCluster, page: Page, watched: Watched
) -> None:
    page.route_web_socket("**/ws/**", lambda socket: socket.close())
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, shop, shop.manager)

    page.get_by_role("button", name="菜单").click()
    page.get_by_role("link", name="会员", exact=True).click()
    card = page.locator("#result_list tr", has_text="张三")
    expect(card).to_contain_text("¥1,188.00")
    card.get_by_role("link", name="张三").click()
    expect(page.locator("#zqyy-connection")).to_be_visible()
    analyse_and_wait(page)

    assert too_wide(page) == []
    assert watched == Watched()


def test_a_job_that_is_no_longer_there_is_not_asked_after_for_ever(shop: Shop, page: Page) -> None:
    page.set_default_timeout(PATIENCE_MS)
    page.route("**/progress/", lambda route: route.fulfill(status=404, body="gone"))
    sign_in(page, shop, shop.manager)
    open_member(page)
    missing = str(page.locator("#zqyy-connection").get_attribute("data-missing"))

    page.click(f"{ANALYSIS} form button")

    expect(page.locator(f"{ANALYSIS} [data-progress]")).to_have_text(missing)
    expect(page.locator(f"{ANALYSIS} form button")).to_be_enabled()


def test_a_store_wide_date_reaches_every_page_that_a_colleague_has_open(
    shop: Shop, page: Page, watched: Watched, browser: Browser
) -> None:
    past = days_before(shop.site, 10)
    push_assistant(shop.site, "A1", name="小林")
    theirs = browser.new_context(locale="zh-CN")
    colleague = theirs.new_page()
    seen = [watch(colleague, shop.url)]
    sign_in(colleague, shop, make_manager("colleague", shop.site))
    for address in KINDS_OF_PAGES:
        tab = theirs.new_page()
        seen.append(watch(tab, shop.url))
        tab.goto(shop.url + address.format(member=shop.member.pk))
    sign_in(page, shop, shop.manager)

    page.click("#zqyy-badge")
    page.fill("[name=business_date]", past.isoformat())
    page.check("[name=scope][value=site]")
    page.click(".zq-form button")
    page.click("[name=is_confirmed]")
    page.wait_for_selector(".zq-bar-past")

    for tab in theirs.pages:
        expect(tab.locator("#zqyy-badge")).to_contain_text(past.isoformat())
    assert [watched, *seen] == [Watched()] * (2 + len(KINDS_OF_PAGES))
    theirs.close()


def test_the_language_is_changed_and_changed_back(shop: Shop, page: Page, watched: Watched) -> None:
    sign_in(page, shop, shop.manager)
    title = page.locator("h1")
    expect(title).to_contain_text("今天")

    for shown, language, other in (("Today", "en", "English"), ("今天", "zh-hans", "简体中文")):
        page.click("[aria-controls=zqyy-account]")
        page.get_by_role("button", name=other).click()
        expect(title).to_contain_text(shown)
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("#nav-sidebar")).to_contain_text(shown)

    assert watched == Watched()


def put_everybody_on(shop: Shop, day: date) -> None:
    with use_context(live_context(shop.site)):
        change_runtime_context(
            site=shop.site,
            user=shop.manager,
            scope="site",
            mode="sandbox",
            business_date=day,
        )


def test_a_page_outlives_its_server_and_catches_up(shop: Shop, page: Page) -> None:
    past = days_before(shop.site, 10)
    page.set_default_timeout(PATIENCE_MS)
    sign_in(page, shop, shop.manager)
    open_member(page)
    page.wait_for_function("window.zqyy.isConnected")

    shop.server.stop()
    expect(page.locator("#zqyy-connection")).to_be_visible()
    apart(raise_now, shop.site, "slo", name="API")
    apart(put_everybody_on, shop, past)
    shop.server.start()

    expect(page.locator("#zqyy-badge")).to_contain_text(past.isoformat(), timeout=PATIENCE_MS)
    expect(page.locator("#zqyy-bell [data-count]")).to_have_text("1")
    page.wait_for_function("window.zqyy.isConnected")
    expect(page.locator("#zqyy-connection")).to_be_hidden()
    expect(page.locator("#content")).not_to_contain_text("¥1,188.00")


def test_managers_of_two_stores_see_their_own_and_nothing_of_each_other(
    shop: Shop, page: Page, browser: Browser
) -> None:
    west = make_site("west", name="西店")
    push_member(west, "W1", name="李四")
    push_assistant(west, "A1", name="小兰")
    push_bills(west, [bill(days_before(west, 3), 77, member="W1")])
    member, address = member_of(west, "W1"), f"{shop.url}/admin"
    with use_context(live_context(west)) as ctx:
        assistant = Assistant.objects.get(external_id="A1")
        task = record_task(
            ctx=ctx,
            assistant_id=assistant.pk,
            member_id=member.pk,
            kind="recall",
            actor=shop.manager,
        )
        job = open_app_run(
            ctx=ctx,
            app="app7_customer",
            target={"member_id": member.pk},
            triggered_by="command",
        )
    neighbour = browser.new_page(locale="zh-CN")
    sign_in(neighbour, shop, make_manager("neighbour", west))
    sign_in(page, shop, shop.manager)

    for one, own, other in ((page, "张三", "李四"), (neighbour, "李四", "张三")):
        one.goto(f"{address}/metrics/member/")
        expect(one.locator("#result_list")).to_contain_text(own)
        expect(one.locator("#result_list")).not_to_contain_text(other)
        one.wait_for_function("window.zqyy.isConnected")
    apart(raise_now, west, "slo", name="API")
    expect(neighbour.locator("#zqyy-toasts .zq-toast")).to_have_count(1)
    expect(page.locator("#zqyy-bell [data-count]")).to_be_hidden()

    of_west = [
        f"/metrics/member/{member.pk}/change/",
        f"/metrics/coachtask/{task.pk}/change/",
        f"/metrics/assistant/{assistant.pk}/change/",
        f"/aijobs/triggerjob/{job.pk}/change/",
        f"/aijobs/triggerjob/{job.pk}/progress/",
        f"/metrics/assistant/{assistant.pk}/export/",
    ]
    assert [page.request.get(address + one).status for one in of_west] == [404] * len(of_west)
    assert [neighbour.request.get(address + one).status for one in of_west] == [200] * len(of_west)
    assert page.goto(address + of_west[0]).status == 404
    expect(page.get_by_role("heading")).to_have_text("找不到这个页面")
    neighbour.close()
