"""What the database tells about one process group of workers, and what it is told of its end.

A group is one run of `qcluster`: its pusher fetches queue rows (`fetcher_group`), its workers
hold leases (`holder_group`). Several groups may serve one cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection

from zqyy.durable.processes import pid_has_ended

# Work that waits this long beside an idle worker is not being delivered.
PATIENCE_SECONDS = 3
SETTLING_SECONDS = 12

# Open work without a live holder that has waited too long. `since`: the row is ready, was
# fetched, or its holder expired, whichever came last.
STUCK = """
    SELECT l.id, l.q_id,
        NOT q.is_fetched OR (l.fetcher_group = %(group)s
            AND (l.renewed_at IS NULL OR l.renewed_at < q.since)) AS is_undelivered
    FROM leases l, LATERAL (
        SELECT lock > clock_timestamp() AS is_fetched,
            CASE WHEN lock > clock_timestamp() THEN lock - interval '1 s' * %(retry)s
                ELSE lock END AS since
        FROM django_q_ormq WHERE id = l.q_id
    ) q
    WHERE l.cluster = %(cluster)s AND l.closed_at IS NULL
        AND (l.expires_at IS NULL OR l.expires_at < statement_timestamp())
        AND greatest(q.since, l.expires_at) < statement_timestamp() - interval '1 s' * %(patience)s
"""


@dataclass(frozen=True)
class Health:
    """A group as the database sees it at one moment."""

    busy: int
    has_fetched: bool
    undelivered: int
    astray: int
    database_has_settled: bool


def read_health(*, cluster: str, group: UUID, retry: int) -> Health:
    """How the group does.

    Args:
        retry: seconds for which a fetched row is locked.

    Returns:
        busy: leases held, or given up within 3 s; undelivered: work that this group ought to have
        started (ready, or fetched by it and never claimed); astray: work that waits for a holder
        that died or for another group.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH stuck AS ({STUCK}) SELECT"  # noqa: S608  our own text
            " (SELECT count(*) FROM leases WHERE holder_group = %(group)s"
            "   AND renewed_at > statement_timestamp() - interval '1 s' * %(lease)s"
            "   AND (owner IS NOT NULL"
            "     OR renewed_at > statement_timestamp() - interval '1 s' * %(patience)s)),"
            " EXISTS (SELECT FROM leases WHERE cluster = %(cluster)s AND closed_at IS NULL"
            "   AND fetcher_group = %(group)s),"
            " (SELECT count(*) FROM stuck WHERE is_undelivered),"
            " (SELECT count(*) FROM stuck WHERE NOT is_undelivered),"
            " pg_postmaster_start_time() < clock_timestamp() - interval '1 s' * %(settling)s",
            {
                "group": group,
                "cluster": cluster,
                "retry": retry,
                "patience": PATIENCE_SECONDS,
                "lease": settings.LEASE_SECONDS,
                "settling": SETTLING_SECONDS,
            },
        )
        return Health(*cursor.fetchone())


def fetch_astray(*, cluster: str, group: UUID, retry: int) -> int:
    """Make astray rows ready, for an idle group to fetch; a double delivery does no harm."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE django_q_ormq SET lock = clock_timestamp() - interval '1 s'"  # noqa: S608
            f" WHERE id IN (SELECT q_id FROM ({STUCK}) stuck WHERE NOT is_undelivered)",
            {"group": group, "cluster": cluster, "retry": retry, "patience": PATIENCE_SECONDS},
        )
        return int(cursor.rowcount)


def forget_dead_workers(*, group: UUID) -> int:
    """Let go of what workers of this group held that are gone; how many leases that were.

    Called on their machine. A pid that was given to another process meanwhile counts as alive:
    its lease runs out instead.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT holder_pid FROM leases"
            " WHERE holder_group = %s AND owner IS NOT NULL AND holder_pid IS NOT NULL",
            [group],
        )
        dead = [pid for (pid,) in cursor.fetchall() if pid_has_ended(pid)]
        cursor.execute(
            "WITH left_behind AS ("
            "  UPDATE leases SET expires_at = clock_timestamp()"
            "  WHERE holder_group = %s AND owner IS NOT NULL AND holder_pid = ANY(%s)"
            "    AND expires_at > clock_timestamp()"
            "  RETURNING q_id"
            ") UPDATE django_q_ormq SET lock = clock_timestamp() - interval '1 s'"
            " WHERE id IN (SELECT q_id FROM left_behind) AND lock > clock_timestamp()",
            [group, dead],
        )
        return int(cursor.rowcount)


def ask_back(*, group: UUID) -> None:
    """Have the holders of a group hand over their work at the end of the step they are at."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE leases SET is_asked_back = true"
            " WHERE holder_group = %s AND owner IS NOT NULL AND NOT is_asked_back",
            [group],
        )


def forget_group(*, group: UUID, was_stopped: bool = False) -> bool:
    """Let go of everything a dead group held or had fetched, so that it resumes at once.

    Args:
        was_stopped: by us, so that its end says nothing about the work it was at.

    Returns:
        Whether it had fetched anything.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM leases WHERE fetcher_group = %s)", [group])
        (has_fetched,) = cursor.fetchone()
        cursor.execute(
            "UPDATE leases SET expires_at = least(expires_at, clock_timestamp()),"
            " owner = CASE WHEN NOT %s THEN owner END"
            " WHERE holder_group = %s AND owner IS NOT NULL",
            [was_stopped, group],
        )
        cursor.execute(
            "UPDATE django_q_ormq q SET lock = clock_timestamp() - interval '1 s'"
            " FROM leases l WHERE q.id = l.q_id AND q.lock > clock_timestamp()"
            " AND (l.fetcher_group = %s OR l.holder_group = %s) AND l.closed_at IS NULL"
            " AND (l.expires_at IS NULL OR l.expires_at <= clock_timestamp())",
            [group, group],
        )
        # What it had ended and not acknowledged.
        cursor.execute(
            "DELETE FROM django_q_ormq q USING leases l WHERE q.id = l.q_id"
            " AND l.fetcher_group = %s AND l.closed_at IS NOT NULL",
            [group],
        )
    return bool(has_fetched)
