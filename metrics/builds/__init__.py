"""The only writer of the DWS tables: whole builds, builds from a date on, repairs of an entity.

Every statement is set-based and idempotent and runs under the store's ingest lock. Rows that come
out the same are not written again.
"""

from metrics.builds.repairs import Touched, repair_since, repair_touched
from metrics.builds.runs import build_site, open_build, request_build, run_build, run_started
from metrics.builds.versions import lock_ingest

__all__ = [
    "Touched",
    "build_site",
    "lock_ingest",
    "open_build",
    "repair_since",
    "repair_touched",
    "request_build",
    "run_build",
    "run_started",
]
