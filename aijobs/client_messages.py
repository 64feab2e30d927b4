"""What a client may say on its socket: where it wants to go on, and whether we are there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from sandbox.errors import BadRequest

MAX_LENGTH = 1000
MAX_NUMBER = 2**63 - 1


class InvalidMessage(BadRequest):
    code = "invalid_message"
    message = _('Send {"resume_after": NUMBER} or {"ping": NUMBER}, with a whole number from 0 on.')


@dataclass(frozen=True)
class Resume:
    """Send every alert after this number."""

    after: int


@dataclass(frozen=True)
class Ping:
    """Answer with the same number."""

    number: int


def parse_message(text: str | None) -> Resume | Ping:
    """What a client said.

    Raises:
        InvalidMessage: nothing that we understand; the connection stays.
    """
    try:
        message = json.loads(text or "") if len(text or "") <= MAX_LENGTH else None
    except (ValueError, RecursionError) as error:
        raise InvalidMessage from error
    match message:
        case {"resume_after": int(number)} if _is_number(number):
            return Resume(number)
        case {"ping": int(number)} if _is_number(number):
            return Ping(number)
    raise InvalidMessage


def _is_number(value: int) -> bool:
    return not isinstance(value, bool) and 0 <= value <= MAX_NUMBER
