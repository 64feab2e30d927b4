"""ALERT_TYPES and the one function that raises an alert."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from aijobs.models import Alert, Run

Severity = Alert.Severity

ALERT_TYPES = {
    "circuit_open": Severity.ERROR,
    "rate_limited": Severity.WARNING,
    "budget_exceeded": Severity.ERROR,
    "kill_switch": Severity.WARNING,
    "timeout": Severity.WARNING,
    "failed": Severity.WARNING,
    "data_quality": Severity.ERROR,
}
GROUPED_SECONDS = 60


def raise_alert(*, run: Run, alert_type: str, code: str, params: dict[str, Any]) -> Alert:
    """Record that somebody must know about a run; last in its transaction (the number's lock).

    The same app and type within a minute is one alert with a count and a new number.
    """
    return _raise(run.site_id, run, alert_type, code, params)


def raise_site_alert(*, site_id: int, alert_type: str, code: str, params: dict[str, Any]) -> Alert:
    """The same about a store as a whole."""
    return _raise(site_id, None, alert_type, code, params)


def _raise(
    site_id: int, run: Run | None, alert_type: str, code: str, params: dict[str, Any]
) -> Alert:
    app = run.app if run else ""
    seq = _next_number(site_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM alerts WHERE site_id = %s AND app_type = %s AND alert_type = %s"
            " AND created_at > clock_timestamp() - interval '1 s' * %s ORDER BY id DESC LIMIT 1",
            [site_id, app, alert_type, GROUPED_SECONDS],
        )
        recent = cursor.fetchone()
    if recent is not None:
        alert = Alert.objects.get(pk=recent[0])
        Alert.objects.filter(pk=alert.pk).update(
            seq=seq, count=F("count") + 1, run=run, code=code, params=params
        )
        return alert
    return Alert.objects.create(
        site_id=site_id,
        seq=seq,
        app_type=app,
        alert_type=alert_type,
        severity=ALERT_TYPES[alert_type],
        code=code,
        params=params,
        run=run,
        created_at=Now(),
    )


def _next_number(site_id: int) -> int:
    """The store's next alert number, held until commit: order of numbers, order of commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO alert_seq (site_id, seq) VALUES (%s, 1)"
            " ON CONFLICT (site_id) DO UPDATE SET seq = alert_seq.seq + 1 RETURNING seq",
            [site_id],
        )
        return int(cursor.fetchone()[0])
