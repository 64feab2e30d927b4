"""Every string of ours has a Chinese text, and the compiled catalogue is the one in the source.

Users have no gettext tools, so the .mo files are committed.
"""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import django
import polib
import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
OURS = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
CATALOGUES = [OURS, ROOT / "locale" / "unfold" / "zh_Hans" / "LC_MESSAGES" / "django.po"]
NAMES = {"_", "gettext", "gettext_lazy", "pgettext", "ngettext", "ngettext_lazy"}


def strings_in_python(source: str) -> set[str]:
    """First literal arguments of gettext calls (of pgettext the second)."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            position = 1 if node.func.id == "pgettext" else 0
            argument = node.args[position] if len(node.args) > position else None
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.add(argument.value)
    return found


def strings_in_use() -> dict[str, str]:
    """Each translatable string of the project and a file that uses it."""
    found = {}
    for package in ("zqyy", "sandbox", "metrics", "aijobs"):
        for path in (ROOT / package).rglob("*.py"):
            for text in strings_in_python(path.read_text(encoding="utf-8")):
                found[text] = str(path.relative_to(ROOT))
    for path in (ROOT / "templates").rglob("*.html"):
        # Django's own way from template to something that looks like code
        code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
        for match in re.finditer(r"\bn?gettext\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", code):
            found[ast.literal_eval(match.group(1))] = str(path.relative_to(ROOT))
    return found


def translations() -> dict[str, str]:
    known = {}
    for mo in Path(django.__file__).parent.rglob("locale/zh_Hans/LC_MESSAGES/django.mo"):
        with mo.open("rb") as file:
            catalogue = gettext.GNUTranslations(file)._catalog
        known |= {k if isinstance(k, str) else k[0]: v for k, v in catalogue.items()}
    for path in CATALOGUES:
        for entry in polib.pofile(str(path)):
            if not entry.obsolete and not entry.fuzzy:
                known[entry.msgid] = entry.msgstr or entry.msgstr_plural.get(0, "")
    return known


def test_every_string_is_translated():
    known = translations()

    missing = {text: where for text, where in strings_in_use().items() if not known.get(text)}

    assert missing == {}


@pytest.mark.parametrize("path", CATALOGUES, ids=["ours", "unfold"])
def test_the_compiled_catalogue_is_up_to_date(path):
    compiled = {
        (entry.msgid, entry.msgctxt): entry.msgstr or entry.msgstr_plural
        for entry in polib.mofile(str(path.with_suffix(".mo")))
    }
    source = {
        (entry.msgid, entry.msgctxt): entry.msgstr or entry.msgstr_plural
        for entry in polib.pofile(str(path))
        if entry.translated()
    }

    assert compiled == source


def test_placeholders_survive_translation():
    placeholder = re.compile(r"%\(\w+\)[sd]|\{\w*\}")

    broken = [
        entry.msgid
        for path in CATALOGUES
        for entry in polib.pofile(str(path))
        if entry.msgstr
        and set(placeholder.findall(entry.msgid)) != set(placeholder.findall(entry.msgstr))
    ]

    assert broken == []
