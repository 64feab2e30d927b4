"""A process of its own that builds a store, says when it holds the lock, and waits to be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager

from tests.durable.clusters import on_test_database

_PROGRAM = """
import sys
import django
django.setup()
from metrics.builds import build_site
from sandbox.models import Site
from tests.metrics.full_histories import TODAY
from tests.metrics.full_stores import clock_at

parts = int(sys.argv[2])

def stop_here(build):
    global parts
    parts -= 1
    if parts == 0:
        print("holding the lock", flush=True)
        sys.stdin.read()

with clock_at(TODAY):
    build_site(site=Site.objects.get(code=sys.argv[1]), full=True, checkpoint=stop_here)
"""


@contextmanager
def a_build_in_another_process(code: str, *, parts: int):
    """A full build of a store that stops under the lock, before its `parts`th part; then SIGKILL.

    A part is a transaction: members, assistants, finances (of a small store, one each).
    """
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "zqyy.settings",
        "DATABASE_URL": on_test_database(os.environ["DATABASE_URL"]),
        "PYTHONPATH": os.getcwd(),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, code, str(parts)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "holding the lock\n"
        yield process
    finally:
        process.kill()
        process.communicate()
