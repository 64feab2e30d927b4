"""From a view of the list to a task: chosen, handed out, and there on the member's page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from metrics.importers import push_rows
from tests.browser.conftest import Shop, Watched, sign_in
from tests.browser.looking import too_wide
from tests.factories import bill, days_before, push_assistant, push_bills, push_member

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_who_is_at_risk_gets_a_task_that_stands_on_their_page(
    shop: Shop, page: Page, watched: Watched
) -> None:
    push_assistant(shop.site, "A1", name="小林")
    push_rows(site=shop.site, kind="members", rows=[{"external_id": "M2", "name": "李四"}])
    weekly = [days_before(shop.site, 40 + 7 * n) for n in range(5)]
    push_bills(shop.site, [bill(day, 100, member="M2") for day in weekly])
    sign_in(page, shop, shop.manager)
    page.goto(f"{shop.url}/admin/metrics/member/")

    page.locator(".zq-tabs a[href='?rhythm=at_risk']").click()
    expect(page.locator(".zq-tabs [aria-current]")).to_have_attribute("href", "?rhythm=at_risk")
    expect(page.locator(".field-name a")).to_have_text(["李四"])
    chip = page.locator(".zq-chip")
    expect(chip).to_have_count(1)
    chip.click()
    expect(page.locator(".zq-chip")).to_have_count(0)
    expect(page.locator(".field-name a")).to_have_count(2)

    page.go_back()
    page.locator("input.action-select").check()
    page.locator("select[name=action]").select_option("assign_tasks")
    page.locator("#changelist-actions button[name=index]").click()
    page.locator("[name=assistant]").select_option(label="小林")
    page.locator("[name=reason]").fill("五周没来了")
    page.locator(".zq-form .zq-button").click()
    expect(page.locator(".zq-tabs [aria-current]")).to_have_attribute("href", "?rhythm=at_risk")

    page.set_viewport_size({"width": 390, "height": 844})
    assert too_wide(page) == []
    page.locator(".field-name a").click()
    moment = page.locator(".zq-timeline li[data-kind=task]")
    expect(moment).to_contain_text("小林")
    expect(moment).to_contain_text("五周没来了")
    assert too_wide(page) == []
    assert watched == Watched()


def test_after_a_look_at_the_number_a_contact_leads_back_to_the_member(
    shop: Shop, page: Page, watched: Watched
) -> None:
    push_member(shop.site, "M1", name="张三", phone="13912345678")
    address = f"{shop.url}/admin/metrics/member/{shop.member.pk}/change/"
    sign_in(page, shop, shop.manager)
    page.goto(address)
    expect(page.locator("#content")).not_to_contain_text("13912345678")

    page.locator("form[action$='/phone/'] button").click()
    expect(page.locator("#content")).to_contain_text("13912345678")
    page.locator("[data-deed=contact]").click()
    page.locator("details[open] .zq-form button").click()

    expect(page.locator(".zq-timeline li[data-kind=contact]")).to_have_count(1)
    assert page.url == address
    expect(page.locator("#content")).not_to_contain_text("13912345678")
    assert watched == Watched()
