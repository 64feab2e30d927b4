"""What makes two clues, or two talking points, the same, however they are written."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 200
# A person's number says whom a clue is about; every other figure moves from day to day.
_SAYING = re.compile(r"(?:会员|助教|员工)#\d+|[^\W\d_]")


def fingerprint_of(category: str, summary: str) -> str:
    """Of a clue: feedback survives its replacement by it."""
    return _sha256(category + unicodedata.normalize("NFKC", summary))


def fingerprint_of_words(words: str) -> str:
    """Of a talking point."""
    return _sha256(unicodedata.normalize("NFKC", words))


def full_summary(clue: Mapping[str, Any]) -> str:
    """A clue of an app's answer in one line, as it is kept: the emoji leads."""
    parts = (clue.get("emoji", "").strip(), clue["summary"])
    return " ".join(part for part in parts if part)[:MOST_CHARACTERS]


def meaning_of(text: str) -> str:
    """What is left without figures, emoji and punctuation; the text itself where nothing is."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    return "".join(_SAYING.findall(normal)) or normal


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
