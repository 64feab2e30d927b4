"""Chinese first, English one click away; the API speaks what it is asked in."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


def test_a_page_is_chinese_whatever_the_browser_asks(client):
    page = client.get("/admin/login/", headers={"accept-language": "en-US,en;q=0.9"})

    assert page.headers["Content-Language"] == "zh-hans"
    assert "登录" in page.content.decode()


@pytest.mark.parametrize(("chosen", "spoken"), [("en", "en"), ("xx", "zh-hans")])
def test_a_page_follows_the_language_chosen(client, chosen, spoken):
    client.post("/i18n/setlang/", {"language": chosen, "next": "/admin/login/"})

    assert client.get("/admin/login/").headers["Content-Language"] == spoken


@pytest.mark.parametrize(
    ("asked", "said"),
    [("zh-hans", "此地址没有内容。"), ("en", "There is nothing at this address.")],
)
def test_the_api_answers_in_the_language_asked_for(client, asked, said):
    answer = client.get("/api/v1/nowhere/", headers={"accept-language": asked})

    assert answer.json()["message"] == said
