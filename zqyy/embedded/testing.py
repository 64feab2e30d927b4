"""Servers for a test run: a throwaway data folder inside the checkout's own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from zqyy.embedded.folder import DataFolder, default_path
from zqyy.embedded.servers import attach_or_start

PREFIX = "tests-"


def start_test_servers() -> None:
    """Start what the environment does not name; xdist's workers inherit it from their controller.

    Each worker gets a Valkey database of its own, as Django gives it a PostgreSQL database.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker:
        parent = DataFolder(default_path())
        parent.create()
        _remove_leftovers(parent.path)
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent.path))
        # Registered before the servers' own handler, so it runs after they have stopped.
        atexit.register(shutil.rmtree, path, ignore_errors=True)
        # Commands that tests start use the throwaway folder too, never the checkout's.
        os.environ["ZQYY_DATA_DIR"] = str(path)
        # Temporary files as well: a test run leaves nothing outside the data folder.
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(path)
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(parent.path / "hypothesis")
        attach_or_start(durable=False)
    number = int(worker.removeprefix("gw") or -1) + 1
    os.environ["REDIS_URL"] = _with_database(os.environ["REDIS_URL"], number)


def _remove_leftovers(parent: Path) -> None:
    """Folders of test runs that were killed: nobody holds their lock."""
    for path in parent.glob(f"{PREFIX}*"):
        lock = DataFolder(path).lock_servers()
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _with_database(url: str, number: int) -> str:
    """The same server, `number` databases further on."""
    parts = urlsplit(url)
    first = int(parts.path.lstrip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{first + number}"))
