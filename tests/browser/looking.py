"""What is wrong with a page, as a machine can see it: for people who see little, use a keyboard or
a phone, or read Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from sandbox.access import ROLES

WIDTHS = {1280: 800, 390: 844}
SCHEMES = ("light", "dark")
# WCAG 2.2 AA: names of inputs and buttons, contrast, targets of a finger, languages, ...
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_axe = Axe()

# What a manager's Chinese has of other alphabets.
FOREIGN_WORDS = frozenset(
    (
        "ZQYY AI API GMV VIP KTV ID SLO LDAP JSON XLSX CSV GBK UTF MB ms xlsx csv "
        "Token Control Command Mac esc English en zh-hans "  # keys, and the choice of a language
        "rules dashscope openai true false null"  # providers, and values of options
    ).split()
)

_TOO_WIDE = """() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = [...document.querySelectorAll("body *")].filter(
    (one) => one.checkVisibility() && one.getBoundingClientRect().right > clientWidth,
  );
  return [`${scrollWidth} px`, ...wide.map((one) => one.outerHTML.slice(0, 160))].slice(0, 6);
}"""
# A chart takes its new size a frame after its window has.
_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

_CLICKABLE = """() => {
  const REACHED = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const isShown = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const handles = (one) => [...one.attributes].some(({ name }) =>
    /^(x-on:|@)click(\\.(?!outside|away|window|document)\\w+)*$/.test(name));
  return [...document.querySelectorAll("body *")]
    .filter((one) => isShown(one) && !one.matches(REACHED))
    .filter((one) => handles(one) || one.matches("button, summary, [role=button]"))
    .filter((one) => !one.querySelector(REACHED))
    .map((one) => one.outerHTML.slice(0, 160));
}"""

# Where Tab leads: every element that takes the focus, in the order of the page.
_STOPS = """() => {
  const isShown = (one) =>
    one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const isOther = (one) => one.type === "radio" && !one.checked && one.name
    && one.form?.elements[one.name] instanceof RadioNodeList
    && one !== (one.form.querySelector(`[name="${one.name}"]:checked`) ?? one.form.elements[one.name][0]);
  window.stops = [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]",
  )].filter((one) => isShown(one) && !one.disabled && one.tabIndex >= 0 && !isOther(one));
  window.reached = [];
  document.addEventListener("focusin", ({ target }) => {
    const marks = [target, target.parentElement, target.closest("label")].filter(Boolean);
    const isMarked = marks.map((one) => getComputedStyle(one)).some(
      (style) => style.outlineStyle !== "none" || style.boxShadow !== "none",
    );
    window.reached.push([target, isMarked]);
  });
  return window.stops.length;
}"""
_WALKED = """() => {
  const shown = (one) => one.outerHTML.slice(0, 160);
  const first = new Map(window.reached.slice().reverse());
  const places = [...new Set(window.reached.map(([one]) => window.stops.indexOf(one)))]
    .filter((place) => place >= 0);
  return {
    missed: window.stops.filter((one) => !first.has(one)).map(shown),
    unmarked: [...first].filter(([, isMarked]) => !isMarked).map(([one]) => shown(one)),
    // A form may have the focus in its first field: then Tab comes round to the top, once.
    back: places.filter((place, nth) => nth && place < places[nth - 1]).slice(1).map(
      (place) => shown(window.stops[place]),
    ),
  };
}"""

_WORDS = """() => {
  const SKIPPED =
    "script, style, noscript, template, pre, code, textarea, .material-symbols-outlined";
  const texts = [document.title];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walk.currentNode; node; node = walk.nextNode()) {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (element.closest(SKIPPED)) continue;
    if (node.nodeType === Node.TEXT_NODE) texts.push(node.textContent);
    else for (const name of ["placeholder", "title", "aria-label", "alt"])
      if (element.hasAttribute(name)) texts.push(element.getAttribute(name));
  }
  return texts;
}"""


def faults(page: Page, *, is_chinese: bool = True, without: str = "") -> Iterator[str]:
    """At both widths and in both colour schemes; the page stays at the last.

    Args:
        without: what axe need not look at (again).
    """
    if is_chinese:
        yield from (f"foreign word: {word}" for word in foreign_words(page.evaluate(_WORDS)))
    yield from lost_keys(page)
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(_DRAWN)
        yield from (f"{width}: wider than its window: {tag}" for tag in too_wide(page))
        yield from (f"{width}: no key reaches {tag}" for tag in page.evaluate(_CLICKABLE))
        for scheme in SCHEMES:
            put_on(page, scheme)
            # What has no colour is the same in the dark.
            is_first = scheme == SCHEMES[0]
            yield from (
                f"{width} {scheme}: {one}"
                for one in violations(page, colours=not is_first, without=without)
            )


def violations(page: Page, *, colours: bool = False, without: str = "") -> Iterator[str]:
    """What axe finds; `colours`: of the contrast of colours only."""
    only = (
        {"type": "rule", "values": ["color-contrast"]}
        if colours
        else {"type": "tag", "values": _RULES}
    )
    context = {"exclude": [without]} if without else None
    found = _axe.run(page, context, options={"runOnly": only, "resultTypes": ["violations"]})
    for violation in found.response["violations"]:
        for node in violation["nodes"]:
            yield f"{violation['id']} {_shown(node)}"


def _shown(node: dict[str, Any]) -> str:
    why = [check["message"] for check in (*node["any"], *node["all"], *node["none"])]
    return f"{node['target']} {node['html'][:200]} {'; '.join(why)}"


def lost_keys(page: Page) -> Iterator[str]:
    """What Tab does not reach, reaches out of order, or reaches without a mark."""
    stops = page.evaluate(_STOPS)
    for _stop in range(stops + 5):
        page.keyboard.press("Tab")
    for what, tags in page.evaluate(_WALKED).items():
        yield from (f"Tab, {what}: {tag}" for tag in tags)


def too_wide(page: Page) -> list[str]:
    """What makes the page wider than its window."""
    return page.evaluate(_TOO_WIDE)


def put_on(page: Page, scheme: str) -> None:
    """As the menu of the account does."""
    page.evaluate(
        "scheme => window.Alpine?.$data(document.documentElement).switchTheme(scheme)", scheme
    )


def foreign_words(texts: list[str]) -> list[str]:
    """Words in Latin letters that are neither known nor part of a name of the machine's."""
    found = set()
    for text in "|".join(texts).split("|"):
        if text.strip().lower() in ROLES:
            continue  # the name of a group
        for token in re.findall(r"[A-Za-z0-9_.@:/%+#*-]+", text):
            word = token.strip(".:/-*")
            if (
                re.fullmatch(r"([A-Z]?[a-z]+|[A-Z]+)(-[a-z]+)*", word)
                and len(word) > 1
                and word not in FOREIGN_WORDS
            ):
                found.add(word)
    return sorted(found)
