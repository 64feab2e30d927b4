"""Errors with a code, and the one body that they are answered with.

ZqyyError
├── BadRequest            400  the input; names the field and the fix
│   └── InvalidDate       400  a business date that cannot be
├── LengthRequired        411  a body without its length
├── NotPermitted          403  signed in, but may not
├── NotFound              404  also whatever belongs to another store
├── Conflict              409
│   └── SandboxReadOnly   409  facts cannot be written into the past
│       └── KnownAtReadOnly    nor while answers are as known at an earlier moment
├── NoContext             500  a bug: data was read outside a runtime context
└── NestedKnownAt         500  a bug: two moments of knowledge within each other
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

Fields = dict[str, list[str]]


class ZqyyError(Exception):
    """An error with a stable code, a sentence for people and an HTTP status."""

    code = "internal_error"
    status = 500
    message: Any = _("Something went wrong. It has been recorded; please try again later.")

    def __init__(
        self, message: Any = None, *, code: str | None = None, fields: Fields | None = None
    ) -> None:
        if message is not None:
            self.message = message
        if code is not None:
            self.code = code
        self.fields = fields or {}
        super().__init__(str(self.message))

    def body(self) -> dict[str, Any]:
        """The JSON body: code, message, and fields where the input is to blame."""
        return error_body(self.code, str(self.message), self.fields)


class BadRequest(ZqyyError):
    code, status = "bad_request", 400
    message = _("The request is not valid.")


class InvalidDate(BadRequest):
    code = "invalid_date"

    @classmethod
    def future(cls, asked: date, today: date) -> InvalidDate:
        text = _("%(date)s is in the future; the newest business date is %(today)s.") % {
            "date": asked,
            "today": today,
        }
        return cls(text, fields={"business_date": [str(text)]})

    @classmethod
    def before_first_fact(cls, asked: date, first: date | None) -> InvalidDate:
        text = (
            _("%(date)s is before the store's first record (%(first)s).")
            % {"date": asked, "first": first}
            if first
            else _("This store has no records yet.")
        )
        return cls(text, fields={"business_date": [str(text)]})

    @classmethod
    def before_first_batch(cls, asked: datetime) -> InvalidDate:
        text = _("At %(moment)s nothing of this store had been recorded yet.") % {
            "moment": asked.isoformat(sep=" ", timespec="seconds")
        }
        return cls(text, fields={"known_at": [str(text)]})


class KnownAtFuture(BadRequest):
    code = "known_at_future"

    def __init__(self, asked: datetime) -> None:
        text = _("%(moment)s is in the future; ask for a moment that has passed.") % {
            "moment": asked.isoformat(sep=" ", timespec="seconds")
        }
        super().__init__(text, fields={"known_at": [str(text)]})


class LengthRequired(ZqyyError):
    code, status = "length_required", 411
    message = _("Send the body with its Content-Length, not in chunks.")


class NotPermitted(ZqyyError):
    code, status = "not_permitted", 403
    message = _("You are not allowed to do this.")


class NotFound(ZqyyError):
    code, status = "not_found", 404
    message = _("Not found.")


class Conflict(ZqyyError):
    code, status = "conflict", 409
    message = _("This conflicts with what is there already.")


class SandboxReadOnly(Conflict):
    code = "sandbox_read_only"
    message = _("Nothing can be recorded while looking at the past.")


class KnownAtReadOnly(SandboxReadOnly):
    code = "known_at_read_only"
    message = _("Nothing can be recorded while looking at what was known earlier.")


class NoContext(ZqyyError):
    code = "no_context"
    message = "no runtime context: enter use_context() first"


class NestedKnownAt(ZqyyError):
    code = "nested_known_at"
    message = "inside a context with known_at only the same one, or one without, can be entered"


def error_body(code: str, message: str, fields: Fields | None = None) -> dict[str, Any]:
    """The one shape of every error answer."""
    body: dict[str, Any] = {"code": code, "message": message}
    if fields:
        body["fields"] = fields
    return body
