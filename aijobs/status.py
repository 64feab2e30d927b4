"""How the AI engine stands, for the operator: guards, queues, leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import connection

from aijobs.guards.limits import Limits, limits_of
from aijobs.guards.status import BudgetUse, budgets_of, guards_now, paused_until, rate_of
from aijobs.models import Breaker, KillSwitch
from sandbox.context import live_context, use_context
from sandbox.models import Site
from zqyy.durable.models import Cluster


def ai_status(sites: Sequence[Site]) -> dict[str, Any]:
    """Everything at once, as JSON holds it: what is shared, then store by store."""
    now = guards_now()
    stores, chain, limits = [], [], None
    for site in sites:
        with use_context(live_context(site)):
            limits = limits_of(site)
            budgets = budgets_of(site=site, limits=limits, at=now)
            # The last two are the chain's, the same for every store.
            chain = [_budget(budget) for budget in budgets[2:]]
            stores.append(
                {
                    "site": site.code,
                    "rate": _rate(site, limits, now),
                    "budgets": [_budget(budget) for budget in budgets[:2]],
                }
            )
    return {
        "at": now,
        "kill_switches": _kill_switches(),
        "breakers": _breakers(limits, now) if limits else [],
        "chain_budgets": chain,
        "stores": stores,
        "queues": _queues(),
        "leases": _leases(),
    }


def _kill_switches() -> list[dict[str, Any]]:
    switches = KillSwitch.objects.in_force().select_related("site").order_by("pk")
    return [
        {
            "site": switch.site.code if switch.site else None,
            "app": switch.app or None,
            "reason": switch.reason,
            "since": switch.thrown_at,
            "until": switch.expires_at,
        }
        for switch in switches
    ]


def _breakers(limits: Limits, now: datetime) -> list[dict[str, Any]]:
    breakers = Breaker.objects.order_by("provider", "app")
    return [_breaker(breaker, limits, now) for breaker in breakers]


def _breaker(breaker: Breaker, limits: Limits, now: datetime) -> dict[str, Any]:
    until = paused_until(breaker, limits) if breaker.opened_at else None
    is_probed = breaker.probe_until is not None and breaker.probe_until > now
    state = "closed" if until is None else "probing" if is_probed else "open"
    return {
        "provider": breaker.provider,
        "app": breaker.app,
        "state": state,
        "failures": breaker.failures,
        "generation": breaker.generation,
        "opened_at": breaker.opened_at,
        "next_probe_at": until,
    }


def _rate(site: Site, limits: Limits, now: datetime) -> dict[str, Any]:
    most, free_at = rate_of(site=site, limits=limits, at=now)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE is_patient) FROM provider_calls"
            " WHERE site_id = %s AND started_at > %s - interval '60 s'",
            [site.pk, now],
        )
        used, by_prewarm = cursor.fetchone()
    room_at = free_at if free_at and free_at > now else None
    return {"limit": most, "used": used, "used_by_prewarm": by_prewarm, "room_at": room_at}


def _budget(budget: BudgetUse) -> dict[str, Any]:
    return {**asdict(budget), "left": budget.left}


def _queues() -> dict[str, dict[str, int]]:
    """Rows of each cluster's queue: those a worker may fetch, and those that one has."""
    return _by_cluster(
        "SELECT key, count(*) FILTER (WHERE lock <= clock_timestamp()) AS ready,"
        " count(*) FILTER (WHERE lock > clock_timestamp()) AS fetched"
        " FROM django_q_ormq GROUP BY key"
    )


def _leases() -> dict[str, dict[str, int]]:
    """Open work of each cluster: waiting for a worker, held by one, or left by one that is gone."""
    return _by_cluster(
        "SELECT cluster, count(*) FILTER (WHERE expires_at IS NULL) AS waiting,"
        " count(*) FILTER (WHERE expires_at > clock_timestamp()) AS held,"
        " count(*) FILTER (WHERE expires_at <= clock_timestamp()) AS expired"
        " FROM leases WHERE closed_at IS NULL GROUP BY cluster"
    )


def _by_cluster(query: str) -> dict[str, dict[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        names = [column.name for column in cursor.description[1:]]
        found = {row[0]: dict(zip(names, row[1:], strict=True)) for row in cursor.fetchall()}
    return {cluster: found.get(cluster, dict.fromkeys(names, 0)) for cluster in Cluster.values}
