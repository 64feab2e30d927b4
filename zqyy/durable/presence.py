"""Which of our processes are there, as the database sees it."""

from __future__ import annotations

from django.db import connection

# A cluster polls its queue and a sweeper sweeps every few seconds, busy or not.
SILENCE_SECONDS = 15


def seconds_silent(process: str) -> float | None:
    """How long ago a process of this name last talked to the database; None: it is not there.

    Args:
        process: `realtime`, `batch`, `sweeper` or `web`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp()"
            # Hidden where the login role is not the role that asks: then being connected counts.
            " - max(coalesce(state_change, clock_timestamp())))"
            " FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            [f"zqyy-{process}"],
        )
        silence = cursor.fetchone()[0]
    return None if silence is None else float(silence)


def is_present(process: str) -> bool:
    """Whether a process of this name is there and at work."""
    silence = seconds_silent(process)
    return silence is not None and silence <= SILENCE_SECONDS
