"""Every page of the admin in a real Chromium, at both widths, light and dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from metrics.entries.pay import TITLES
from tests.admin.pages import addresses
from tests.browser.conftest import Shop, Watched, sign_in, watch
from tests.browser.looking import faults
from tests.factories import days_before

pytestmark = pytest.mark.browser

INLINE_CODE = """() => {
  const button = document.createElement("button");
  button.setAttribute("onclick", "window.ranInline = true");
  document.body.append(button);
  button.click();
  return "ranInline" in window;
}"""


def look(page: Page, name: str) -> list[str]:
    # The log and a run's inputs speak of tables, columns and codes.
    is_chinese = "auditentry" not in name and name != "aijobs_run_change"
    # The sidebar is the same everywhere.
    without = "#nav-sidebar" if name != "index" else ""
    return [f"{name}: {fault}" for fault in faults(page, is_chinese=is_chinese, without=without)]


def pages_that_answer(page: Page, shop: Shop) -> Iterator[str]:
    """Open one after the other the pages that only answer something that was sent."""
    day = days_before(shop.site, 1)
    for name, amount in (("pay preview", "50"), ("pay with a mistake", "五十")):
        page.goto(f"{shop.url}/admin/metrics/salaryadjustmentbatch/")
        rows = [",".join(TITLES), f"A1,{day},reward,200,全勤", f"A2,{day},deduction,{amount},"]
        content = "\n".join(rows).encode()
        file = {"name": "奖惩.csv", "mimeType": "text/csv", "buffer": content}
        page.set_input_files("[name=file]", file)
        page.click("#upload form button")
        page.wait_for_selector("#preview")
        yield name
    page.goto(f"{shop.url}/admin/metrics/member/{shop.member.pk}/change/")
    page.fill("#notes [name=text]", " ")
    page.click("#notes form button")
    page.wait_for_selector("#notes [role=alert]")
    yield "refused note"


def test_nothing_is_wrong_with_any_page(showroom: Shop, page: Page) -> None:
    watched = watch(page, showroom.url)
    sign_in(page, showroom, showroom.manager)
    found = addresses(lambda address: page.request.get(showroom.url + address).text())

    wrong = []
    for name, address in found.items():
        page.goto(showroom.url + address)
        wrong += look(page, name)
    for name in pages_that_answer(page, showroom):
        wrong += look(page, name)

    assert not wrong, "\n".join(wrong)
    assert watched == Watched()
    assert page.evaluate(INLINE_CODE) is False
    assert ["Content Security Policy" in error for error in watched.errors] == [True]


# --- The same eyes on pages that are wrong -------------------------------------------------------

GOOD = """<!DOCTYPE html><html lang="zh-CN"><title>会员</title><body><main>
<h1>会员 VIP</h1><label>姓名 <input></label><a href="/">今天</a><button>保存</button>
<p>活动 app7_customer 已完成，见 xlsx</p></main></body></html>"""


@pytest.mark.parametrize(
    ("instead", "of", "seen"),
    [
        ("<input>", "<label>姓名 <input></label>", "label"),
        ('<p style="color: #aaa; background: #fff">', "<p>", "color-contrast"),
        ('<p style="width: 2000px">', "<p>", "wider than its window"),
        ('<span x-on:click="open = true">保存</span>', "<button>保存</button>", "no key reaches"),
        ('<a role="button">保存</a>', "<button>保存</button>", "no key reaches"),
        ("Save", "保存", "foreign word: Save"),
        ('<button title="Save it">保存</button>', "<button>保存</button>", "foreign word: Save"),
    ],
)
def test_what_is_wrong_is_seen(instead: str, of: str, seen: str, page: Page) -> None:
    page.set_content(GOOD)
    before = list(faults(page))

    page.set_content(GOOD.replace(of, instead))

    assert before == []
    assert [fault for fault in faults(page) if seen in fault] != []
