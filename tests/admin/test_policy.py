"""The content security policy of every page, and that no page needs more than it allows.

tests/browser/test_pages.py shows that a Chromium agrees.
"""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.pages import text_of

POLICY = {
    "default-src 'none'",
    "script-src 'self' 'unsafe-eval'",
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


class InlineCode(HTMLParser):
    """Collects what a page carries instead of naming a file of ours."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_data = given.get("type") == "application/json"
        if tag == "style" or (tag == "script" and not is_data and "src" not in given):
            self.found.append(str(self.get_starttag_text()))
        for name, value in given.items():
            is_address = value.strip().lower().startswith(("javascript:", "data:"))
            if name.startswith("on") or is_address:
                self.found.append(f"{name}={value}")


def check(client: Client, name: str, address: str) -> None:
    answer = client.get(address)

    policy = set(answer.headers["Content-Security-Policy"].split("; "))
    assert (name, policy) == (name, POLICY)
    assert (name, InlineCode(text_of(answer)).found) == (name, [])


def test_pages_keep_to_the_policy(all_pages, owner):
    for name, address in all_pages.items():
        check(owner, name, address)


@pytest.mark.parametrize(
    "address",
    [reverse("admin:login"), "/nothing-here/", "/api/docs/"],
    ids=["login", "404", "docs"],
)
def test_pages_for_everybody_keep_to_the_policy(address, db):
    check(Client(), address, address)


@pytest.mark.parametrize(
    "html",
    [
        "<script>go()</script>",
        '<script type="module">go()</script>',
        '<p onclick="go()">',
        '<a href=" JavaScript:go()">',
        "<style>p {}</style>",
    ],
)
def test_inline_code_is_seen(html):
    assert len(InlineCode(html).found) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<script src="/static/a.js"></script>',
        '<script type="application/json">{}</script>',
        '<a href="/admin/" x-on:click="open = true">',
    ],
)
def test_what_the_policy_allows_is_no_inline_code(html):
    assert InlineCode(html).found == []
