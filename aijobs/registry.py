"""AI_APPS: every AI app, in the order shown to people."""

from __future__ import annotations

from django.utils.translation import gettext as _

from aijobs.ai_apps import (
    app1_chat,
    app2_finance,
    app2a_finance_area,
    app3_clue,
    app4_analysis,
    app5_tactics,
    app6_note,
    app7_customer,
    app8_consolidate,
)
from aijobs.ai_apps.base import AIApp
from sandbox.errors import BadRequest, NotFound

AI_APPS: dict[str, AIApp] = {
    app.key: app
    for app in (
        app1_chat.APP,
        app2_finance.APP,
        app2a_finance_area.APP,
        app3_clue.APP,
        app4_analysis.APP,
        app5_tactics.APP,
        app6_note.APP,
        app7_customer.APP,
        app8_consolidate.APP,
    )
}
ALIASES = {"app8_consolidation": "app8_consolidate"}


def find_app(key: str) -> AIApp:
    """The app of a key or of its alias.

    Raises:
        BadRequest: there is none.
    """
    app = AI_APPS.get(ALIASES.get(key, key))
    if app is None:
        message = _("There is no AI app “%(key)s”; choose one of: %(known)s.") % {
            "key": key[:64],
            "known": ", ".join(AI_APPS),
        }
        raise BadRequest(message, code="unknown_app", fields={"app": [message]})
    return app


def find_app_of(cache_type: str) -> AIApp:
    """The app whose results are kept as `cache_type`.

    Raises:
        NotFound: no app's are.
    """
    for app in AI_APPS.values():
        if app.cache_type == cache_type:
            return app
    raise NotFound


def app_title(key: str) -> str:
    """What an app is called; the key of one that is no longer known."""
    app = AI_APPS.get(key)
    return str(app.title) if app else key
