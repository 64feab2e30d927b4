"""An answer while it is written, told to the pages of whoever asked."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from aijobs.events import announce_chat_delta
from aijobs.models import ChatQuestion
from aijobs.pseudonyms import put_names
from aijobs.storable import storable

# Pieces that come faster are told together.
LEAST_SECONDS = 0.1
# The beginning of a person's token, at the end of what has come: 会, 会员, 会员#, 会员#1; or half of a
# character.
_UNFINISHED = re.compile(r"(?:会|助|(?:会员|助教)(?:#\d*)?|[\ud800-\udbff])$")


class ChatListener:
    """Tells one question's asker what is being written.

    Hints: one that is lost, or told and then thrown away with its call, costs nothing but the
    sight of it.
    """

    def __init__(self, question: ChatQuestion, *, names: Mapping[str, str]) -> None:
        self._question, self._names = question, names
        self._waiting = ""
        self._told = 0
        self._told_at = 0.0

    def begin(self) -> None:
        """The next piece has number 0: whatever was shown before goes."""
        self._waiting, self._told = "", 0

    def hear(self, piece: str) -> None:
        self._waiting += piece
        if time.monotonic() - self._told_at < LEAST_SECONDS and "\n" not in piece:
            return
        unfinished = _UNFINISHED.search(self._waiting)
        whole = self._waiting[: unfinished.start()] if unfinished else self._waiting
        self._waiting = self._waiting[len(whole) :]
        self._tell(whole)

    def finish(self) -> None:
        text, self._waiting = self._waiting, ""
        self._tell(text)

    def _tell(self, text: str) -> None:
        if not text:
            return
        announce_chat_delta(
            **addressee_of(self._question),
            number=self._told,
            text=put_names(storable(text), self._names),
        )
        self._told += 1
        self._told_at = time.monotonic()


def announce_answer(question: ChatQuestion) -> None:
    """Tell the asker's pages that the answer can be read."""
    announce_chat_delta(**addressee_of(question), number=None, text="")


def addressee_of(question: ChatQuestion) -> dict[str, Any]:
    return {
        "site_id": question.site_id,
        "user_id": question.user_id,
        "mode": question.mode,
        "business_date": question.business_date,
        "question_id": question.pk,
    }
