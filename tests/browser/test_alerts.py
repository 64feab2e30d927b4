"""An alert reaches a page that is open, and one whose connection was lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Page, WebSocketRoute, expect

from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.models import Alert
from sandbox.context import live_context, use_context
from tests.aijobs.test_alerts import grow_older, raise_now
from tests.browser.conftest import PATIENCE_MS, Shop, Watched, apart, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TOAST = "#zqyy-toasts .zq-toast"
COUNT = "#zqyy-bell [data-count]"
LIST = "/admin/aijobs/alert/"


def tell(shop: Shop, alert_type: str, **params: Any) -> None:
    apart(raise_now, shop.site, alert_type, **params)


def wait_for_socket(page: Page) -> None:
    page.wait_for_function("window.zqyy.isConnected")


def test_an_alert_arrives_live_and_is_acknowledged(
    shop: Shop, page: Page, watched: Watched
) -> None:
    sign_in(page, shop, shop.manager)
    wait_for_socket(page)
    expect(page.locator(COUNT)).to_be_hidden()
    page.evaluate("window.sameAsBefore = true")

    tell(shop, "data_quality", business_date="2026-05-04", checks=["negative"])

    expect(page.locator(TOAST)).to_contain_text("2026-05-04")
    expect(page.locator(COUNT)).to_have_text("1")
    page.click(f"{TOAST} form button")
    expect(page.locator(TOAST)).to_have_count(0)
    expect(page.locator(COUNT)).to_be_hidden()
    assert page.evaluate("window.sameAsBefore") is True
    with use_context(live_context(shop.site)):
        assert Alert.objects.get().acknowledged_by_id == shop.manager.pk
    assert watched == Watched()


def test_a_manager_reads_at_once_that_ai_is_switched_off(shop: Shop, page: Page) -> None:
    sign_in(page, shop, shop.manager)
    wait_for_socket(page)
    expect(page.locator("#zqyy-ai")).to_have_text("AI 正常")

    apart(throw_kill_switch, site=shop.site, reason="模型升级", actor_id=None)
    tell(shop, "kill_switch", reason="模型升级")

    expect(page.locator("#zqyy-ai")).to_have_text("AI 暂停：模型升级")


def test_the_list_follows_and_its_buttons_work(shop: Shop, page: Page, watched: Watched) -> None:
    tell(shop, "slo", name="API")
    sign_in(page, shop, shop.manager)
    page.goto(shop.url + LIST)
    wait_for_socket(page)
    page.evaluate("window.sameAsBefore = true")
    unread = page.locator("#zqyy-alert-list .zq-alert-unread")
    expect(unread).to_have_count(1)

    tell(shop, "recovered")

    expect(unread).to_have_count(2)
    page.locator("#result_list [data-acknowledge]").first.click()
    expect(unread).to_have_count(1)
    page.click(".zq-above [data-acknowledge]")
    expect(unread).to_have_count(0)
    expect(page.locator(".zq-above")).to_have_count(0)
    assert page.evaluate("window.sameAsBefore") is True
    assert watched == Watched()


def test_a_lost_connection_shows_and_catches_up_by_itself(shop: Shop, page: Page) -> None:
    open_sockets: list[WebSocketRoute] = []
    is_down = False

    def connect(socket: WebSocketRoute) -> None:
        if is_down:
            socket.close()
            return
        socket.connect_to_server()
        open_sockets.append(socket)

    page.route_web_socket("**/ws/**", connect)
    sign_in(page, shop, shop.manager)
    wait_for_socket(page)

    is_down = True
    for socket in open_sockets:
        socket.close()
    expect(page.locator("#zqyy-connection")).to_be_visible()
    tell(shop, "slo", name="API")
    grow_older(shop.site, minutes=2)
    tell(shop, "slo", name="AI")
    is_down = False

    expect(page.locator(TOAST)).to_have_count(2)
    expect(page.locator("#zqyy-connection")).to_be_hidden()
    expect(page.locator(COUNT)).to_have_text("2")


def test_a_network_that_went_silent_is_noticed(shop: Shop, page: Page) -> None:
    page.clock.install()
    opened = 0

    def swallow_pings(socket: WebSocketRoute) -> None:
        nonlocal opened
        opened += 1
        server = socket.connect_to_server()
        socket.on_message(lambda text: None if "ping" in text else server.send(text))

    page.route_web_socket("**/ws/**", swallow_pings)
    sign_in(page, shop, shop.manager)
    wait_for_socket(page)
    before = opened

    page.clock.run_for(26_000)
    page.clock.run_for(2_000)
    wait_for_socket(page)

    assert opened > before


def sign_out_elsewhere(page: Page, shop: Shop) -> None:
    tab = page.context.new_page()
    tab.goto(f"{shop.url}/admin/")
    tab.click("[aria-controls=zqyy-account]")
    tab.locator("#logout-form button").click()
    tab.wait_for_selector("#zqyy-badge", state="detached")
    tab.close()


def test_whoever_has_signed_out_elsewhere_is_told(shop: Shop, page: Page) -> None:
    page.set_default_timeout(PATIENCE_MS)
    sign_in(page, shop, shop.manager)
    page.goto(f"{shop.url}/admin/metrics/member/{shop.member.pk}/change/")
    wait_for_socket(page)
    gone = str(page.locator("#zqyy-connection").get_attribute("data-gone"))
    tell(shop, "slo", name="API")
    toast = page.locator(TOAST)
    expect(toast).to_be_visible()
    analysis = page.locator("[data-cache-type=app7_customer_analysis]")
    body = analysis.locator("[data-body]").inner_html()

    sign_out_elsewhere(page, shop)

    toast.locator("form button").click()
    expect(toast.locator("[role=alert]")).to_have_text(gone)
    expect(page.locator("#zqyy-connection")).to_contain_text(gone)
    analysis.locator("form[data-run] button").click()
    expect(analysis.locator("[data-progress]")).to_have_text(gone)
    expect(analysis.locator("form[data-run] button")).to_be_enabled()
    assert analysis.locator("[data-body]").inner_html() == body
    with use_context(live_context(shop.site)):
        assert Alert.objects.get().acknowledged_at is None


def test_a_page_from_before_the_last_sign_in_is_told_to_be_loaded_again(
    shop: Shop, page: Page
) -> None:
    page.set_default_timeout(PATIENCE_MS)
    tell(shop, "slo", name="API")
    sign_in(page, shop, shop.manager)
    page.goto(shop.url + LIST)
    gone = str(page.locator("#zqyy-connection").get_attribute("data-gone"))
    page.context.clear_cookies(name="csrftoken")

    page.locator("#result_list [data-acknowledge]").click()

    expect(page.locator("#result_list [role=alert]")).to_have_text(gone)
    expect(page.locator("#zqyy-connection")).to_contain_text(gone)


def test_what_one_may_not_do_is_told_in_its_place(shop: Shop, page: Page) -> None:
    page.set_default_timeout(PATIENCE_MS)
    tell(shop, "slo", name="API")
    sign_in(page, shop, shop.manager)
    page.goto(shop.url + LIST)
    shop.manager.groups.set([Group.objects.get(name="auditor")])

    page.locator("#result_list [data-acknowledge]").click()

    words = str(page.locator("#zqyy-connection").get_attribute("data-forbidden"))
    expect(page.locator("#result_list [role=alert]")).to_have_text(words)
    expect(page.locator("#zqyy-connection")).to_be_hidden()
