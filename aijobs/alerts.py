"""ALERT_TYPES, the two functions that raise an alert, and what an alert says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from aijobs.events import after_commit, announce_alert
from aijobs.guards.refusals import budget_reason
from aijobs.models import Alert, Run
from aijobs.output_checks.review import check_title
from aijobs.registry import AI_APPS
from aijobs.wording import sentence_for

Severity = Alert.Severity

GROUPED = timedelta(seconds=60)
MESSAGE_LENGTH = 200


@dataclass(frozen=True)
class AlertType:
    """title: what it is called. sentence: what it says, with its params filled in; where it is
    empty, the code's own sentence (aijobs.wording) is said."""

    severity: Severity
    title: Promise
    sentence: Promise | str = ""


ALERT_TYPES = {
    "circuit_open": AlertType(Severity.ERROR, _("AI paused itself")),
    "rate_limited": AlertType(Severity.WARNING, _("Too many AI calls")),
    "budget_exceeded": AlertType(Severity.ERROR, _("AI allowance used up")),
    "overrun": AlertType(
        Severity.WARNING,
        _("More used than reserved"),
        _("A call used %(used)s tokens; %(reserved)s had been set aside for it."),
    ),
    "kill_switch": AlertType(
        Severity.WARNING,
        _("AI switched off"),
        _("The head office has switched AI off: %(reason)s."),
    ),
    "timeout": AlertType(Severity.WARNING, _("AI took too long")),
    "failed": AlertType(Severity.WARNING, _("AI step failed")),
    "recovered": AlertType(
        Severity.INFO, _("AI works again"), _("AI answers again; nothing is to be done.")
    ),
    "data_quality": AlertType(
        Severity.ERROR,
        _("Figures look wrong"),
        _("The figures of %(business_date)s look wrong; AI waits until somebody has checked them."),
    ),
    "slo": AlertType(
        Severity.ERROR, _("Service level missed"), _("%(name)s is not kept at the moment.")
    ),
}


def raise_alert(*, run: Run, alert_type: str, code: str, params: dict[str, Any]) -> Alert:
    """Record that somebody must know about a run; last in its transaction (the number's lock).

    The same app and type within a minute is one alert with a count and a new number, to be
    acknowledged again. Open pages hear of it after the commit.
    """
    return _raise(run.site_id, run, alert_type, code, params)


def raise_site_alert(*, site_id: int, alert_type: str, code: str, params: dict[str, Any]) -> Alert:
    """The same about a store as a whole."""
    return _raise(site_id, None, alert_type, code, params)


def _raise(
    site_id: int, run: Run | None, alert_type: str, code: str, params: dict[str, Any]
) -> Alert:
    app = run.app if run else ""
    # From here to the commit nobody else raises an alert of this store, so what follows is not a
    # race: a statement after the lock sees what the one before us has committed.
    seq = _next_number(site_id)
    same = Alert.objects.filter(site_id=site_id, app_type=app, alert_type=alert_type)
    alert = same.filter(created_at__gt=Now() - GROUPED).order_by("-id").first()
    if alert is None:
        alert = Alert(site_id=site_id, app_type=app, alert_type=alert_type, count=0)
    alert.seq = seq
    alert.severity = ALERT_TYPES[alert_type].severity
    alert.code = code
    alert.params = params
    alert.count += 1
    alert.run = run
    alert.last_at = Now()
    alert.acknowledged_at = alert.acknowledged_by_id = None
    alert.save()
    alert.refresh_from_db(fields=["created_at", "last_at"])
    after_commit(
        partial(announce_alert, site_id=site_id, seq=seq, payloads=_in_every_language(alert))
    )
    return alert


def _next_number(site_id: int) -> int:
    """The store's next alert number, held until commit: order of numbers, order of commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO alert_seq (site_id, seq, forgotten_seq) VALUES (%s, 1, 0)"
            " ON CONFLICT (site_id) DO UPDATE SET seq = alert_seq.seq + 1 RETURNING seq",
            [site_id],
        )
        return int(cursor.fetchone()[0])


# --- What it says --------------------------------------------------------------------------------


def alert_shape(alert: Alert) -> dict[str, Any]:
    """The shape in which an alert is shown, its texts in the language in force."""
    return {
        "id": alert.pk,
        "seq": alert.seq,
        "app_type": alert.app_type,
        "alert_type": alert.alert_type,
        "severity": alert.severity,
        "severity_label": str(Severity(alert.severity).label),
        "code": alert.code,
        "params": alert.params,
        "title": alert_title(alert),
        "message": alert_message(alert),
        "count": alert.count,
        "run": alert.run_id,
        "created_at": alert.created_at.isoformat(),
        "last_at": alert.last_at.isoformat(),
        "acknowledged_at": alert.acknowledged_at and alert.acknowledged_at.isoformat(),
    }


def alert_title(alert: Alert) -> str:
    """What its type is called; a type of another release by its key."""
    kind = ALERT_TYPES.get(alert.alert_type)
    return str(kind.title) if kind else alert.alert_type


def alert_message(alert: Alert) -> str:
    """One sentence in the language in force, at most 200 characters."""
    kind = ALERT_TYPES.get(alert.alert_type)
    if kind and kind.sentence:
        text = str(kind.sentence) % _Filled(alert.params)
    else:
        text = sentence_for(alert.code)
        if reason := _reason(alert):
            text = gettext("%(sentence)s (%(reason)s)") % {"sentence": text, "reason": reason}
    if app := AI_APPS.get(alert.app_type):
        text = gettext("%(app)s: %(sentence)s") % {"app": app.title, "sentence": text}
    return text[:MESSAGE_LENGTH]


def _reason(alert: Alert) -> str:
    """What the guard that refused had to say, or what the checks found."""
    if "window" in alert.params:
        return budget_reason(alert.params)
    if "checks" in alert.params:
        return gettext(", ").join(check_title(key) for key in alert.params["checks"])
    return str(alert.params.get("reason", ""))


class _Filled(dict[str, Any]):
    """An alert whose params say less than its sentence is still told."""

    def __missing__(self, name: str) -> str:
        return "?"


def _in_every_language(alert: Alert) -> dict[str, dict[str, Any]]:
    """Rendered once by whoever raises it, not once by every connection."""
    shapes = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            shapes[language] = alert_shape(alert)
    return shapes
