"""For the sweeper of tests with real workers: no store's night begins by itself, whatever the hour
at which the tests run."""

from __future__ import annotations

from zqyy.settings import *  # noqa: F403

SWEEPERS = [path for path in SWEEPERS if path != "metrics.nightly.close_days"]  # noqa: F405
