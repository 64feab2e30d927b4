"""Is the process alive, and is the application ready: what load balancers and people ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from uuid import uuid4

import psycopg
from django.core.cache import cache as shared_cache
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from redis import RedisError

from sandbox.middleware import outside_context
from zqyy.durable.models import Cluster
from zqyy.durable.presence import SILENCE_SECONDS, seconds_silent

CONNECT_SECONDS = 2


class NotReady(Exception):
    """Why a part cannot do its work, in words for the operator."""


@outside_context
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Touches neither database nor cache."""
    return JsonResponse({"status": "ok"})


@outside_context
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Every part the application needs, with the reason where one is missing; 503 then."""
    problems: dict[str, str] = {}
    for name, check in CHECKS.items():
        # Whatever needs the database would only wait for it.
        if "database" in problems and name != "cache":
            problems[name] = "not known while the database is away"
            continue
        try:
            check()
        except NotReady as problem:
            problems[name] = str(problem)
        except (Error, psycopg.Error) as error:
            problems[name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    checks = {name: problems.get(name, "ok") for name in CHECKS}
    return JsonResponse(
        {"status": "unavailable" if problems else "ok", "checks": checks},
        status=503 if problems else 200,
    )


def check_database() -> None:
    """A connection of its own: the pool waits 10 s for a database that is away."""
    parameters = {**connection.get_connection_params(), "connect_timeout": CONNECT_SECONDS}
    with psycopg.connect(**parameters) as direct:
        direct.execute("SELECT 1")


@cache
def check_migrations() -> None:
    """Every migration of this code has been applied; remembered once it holds.

    Raises:
        NotReady: naming the first one missing.
    """
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        first, _backwards = plan[0]
        raise NotReady(f"{len(plan)} migrations are not applied, first {first}")


def check_cache() -> None:
    """The cache keeps what it is given.

    Raises:
        NotReady: it does not, or is away.
    """
    value = uuid4().hex
    try:
        shared_cache.set("readyz", value, timeout=5)
        kept = shared_cache.get("readyz")
    except (RedisError, OSError) as error:
        raise NotReady(f"{type(error).__name__}: {error}") from error
    if kept is None:
        raise NotReady("it forgot a value at once")


def require_process(name: str) -> None:
    """A process of this name talked to the database within SILENCE_SECONDS.

    Raises:
        NotReady: there is none, or it is silent.
    """
    silence = seconds_silent(name)
    if silence is None:
        raise NotReady("not running: no connection to the database")
    if silence > SILENCE_SECONDS:
        raise NotReady(f"silent for {silence:.0f} s")


CHECKS: dict[str, Callable[[], None]] = {
    "database": check_database,
    "migrations": check_migrations,
    "cache": check_cache,
    **{f"workers:{cluster}": partial(require_process, cluster) for cluster in Cluster.values},
    "sweeper": partial(require_process, "sweeper"),
}
