"""A manager judges clues and keeps their own, without the page being loaded again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from aijobs.manual_clues import add_manual_clue
from aijobs.models import ClueFeedback
from sandbox.context import live_context, use_context
from tests.browser.conftest import Shop, Watched, make_manager, sign_in, watch
from tests.browser.looking import too_wide
from tests.durable.clusters import WorkerCluster
from tests.factories import days_before

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CLUES = "[data-cache-type=app8_clue_consolidated]"


def open_member(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/admin/metrics/member/{shop.member.pk}/change/")
    page.wait_for_selector(CLUES)
    page.evaluate("window.sameAsBefore = true")


def was_not_loaded_again(page: Page) -> bool:
    return page.evaluate("window.sameAsBefore") is True


def write(shop: Shop, summary: str) -> None:
    with use_context(live_context(shop.site)) as ctx:
        add_manual_clue(
            ctx=ctx,
            member_id=shop.member.pk,
            category="社交关系",
            summary=summary,
            actor=shop.manager,
        )


def test_a_clue_is_marked_wrong_by_keyboard_and_goes_from_a_colleagues_page_too(
    shop: Shop, page: Page, watched: Watched, browser: Browser
) -> None:
    write(shop, "和老李一起来")
    write(shop, "球杆要轻的")
    colleague = browser.new_page(locale="zh-CN")
    seen = watch(colleague, shop.url)
    sign_in(colleague, shop, make_manager("colleague", shop.site))
    open_member(colleague, shop)
    sign_in(page, shop, shop.manager)
    open_member(page, shop)
    clue = page.locator(f"{CLUES} li", has_text="和老李一起来")

    clue.get_by_role("button", name="有用").focus()
    page.keyboard.press("Enter")
    pressed = clue.get_by_role("button", name="有用", pressed=True)
    expect(pressed).to_be_focused()

    clue.get_by_role("button", name="不准").focus()
    page.keyboard.press("Space")
    expect(clue.locator("[name=reason]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(clue.get_by_role("button", name="不准")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("他和老王来")
    page.keyboard.press("Enter")

    for one in (page, colleague):
        expect(one.locator(f"{CLUES} li")).to_have_count(1)
        expect(one.locator(CLUES)).not_to_contain_text("和老李一起来")
        assert was_not_loaded_again(one)
    with use_context(live_context(shop.site)):
        said = list(ClueFeedback.objects.order_by("pk").values_list("verdict", "reason"))
    assert said == [("useful", ""), ("wrong", "他和老王来")]
    assert (watched, seen) == (Watched(), Watched())
    colleague.close()


def test_a_clue_is_added_edited_and_withdrawn_and_the_past_shows_no_form(
    shop: Shop, page: Page, watched: Watched
) -> None:
    sign_in(page, shop, shop.manager)
    open_member(page, shop)
    panel = page.locator(CLUES)

    panel.locator("summary").click()
    panel.locator("[name=summary]").fill("和老李一起来")
    panel.locator("form[data-post] button").click()
    expect(panel.locator("li strong")).to_have_text("和老李一起来")

    panel.locator("li summary").click()
    panel.locator("li [name=summary]").fill("和老王一起来")
    panel.locator("li [name=summary]").press("Enter")
    expect(panel.locator("li strong")).to_have_text("和老王一起来")

    panel.locator("li summary").click()
    panel.locator("li form[action$=withdraw\\/] button").click()
    expect(panel.locator("li")).to_have_count(0)
    assert was_not_loaded_again(page)

    page.click("#zqyy-badge")
    page.fill("[name=business_date]", days_before(shop.site, 10).isoformat())
    page.click(".zq-form button")
    page.wait_for_selector(".zq-bar-past")
    page.goto(f"{shop.url}/admin/metrics/member/{shop.member.pk}/change/")
    expect(page.locator(f"{CLUES} form[data-post]")).to_have_count(0)
    assert watched == Watched()


def test_evidence_opens_and_a_clue_leads_to_the_run_that_wrote_it(
    shop: Shop, workers: WorkerCluster, page: Page, watched: Watched
) -> None:
    sign_in(page, shop, shop.manager)
    open_member(page, shop)
    panel = page.locator(CLUES)
    panel.locator("form[data-run] button").click()
    expect(panel.locator("li").first).to_be_visible(timeout=60_000)

    panel.locator("[data-evidence] > summary").click()
    expect(panel.locator("[data-evidence-body]")).to_contain_text("¥1,000.00")
    panel.locator("li small a").first.click()
    expect(page.locator("#content")).to_contain_text("会员#")

    bill = page.locator(".zq-evidence-body a").first
    bill.click()
    expect(page.locator("#content")).to_contain_text("¥1,000.00")
    assert watched == Watched()


def test_the_pages_about_clues_are_no_wider_than_a_phone(
    shop: Shop, page: Page, watched: Watched
) -> None:
    write(shop, "和老李一起来" * 20)
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, shop, shop.manager)

    open_member(page, shop)
    page.locator(f"{CLUES} [data-verdict=wrong]").click()
    for summary in page.locator(f"{CLUES} summary").all():
        summary.click()
    wide = [too_wide(page)]
    page.goto(f"{shop.url}/admin/aijobs/triggerjob/clues/{shop.member.pk}/runs/")
    wide.append(too_wide(page))

    assert wide == [[], []]
    assert watched == Watched()
