"""A process that builds on demand: one task a line on stdin, the answer as JSON on stdout.

`build SITE [SINCE]` or `import SITE FILE`. Separate processes, because a build uses one session
and the target is stated for two at once.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any


class Worker:
    """The parent's end of such a process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()  # it has started

    def ask(self, *task: object) -> None:
        if self.process.stdin:
            self.process.stdin.write(" ".join(map(str, task)) + "\n")
            self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to the oldest question.

        Raises:
            SystemExit: the worker died; it has said why.
        """
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise SystemExit("A benchmark worker ended early.")
        found: dict[str, Any] = json.loads(line)
        return found

    def stop(self) -> None:
        self.process.communicate()


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zqyy.settings")
    django.setup()
    _say(ready=True)
    for line in sys.stdin:
        task, site_id, *rest = line.split(maxsplit=2)
        start = time.perf_counter()
        if task == "build":
            _build(int(site_id), date.fromisoformat(rest[0].strip()) if rest else None)
        else:
            _import(int(site_id), rest[0].strip())
        _say(seconds=time.perf_counter() - start, peak_mib=_peak_mib())


def _build(site_id: int, since: date | None) -> None:
    from metrics.builds import build_site
    from sandbox.models import Site

    build_site(site=Site.objects.get(pk=site_id), since=since, full=since is None)


def _import(site_id: int, path: str) -> None:
    from metrics.importers import import_file
    from sandbox.models import Site

    site = Site.objects.get(pk=site_id)
    import_file(site=site, kind="settlements", path=path, create_members=True, build=False)


def _peak_mib() -> float:
    """The most memory this program has held.

    Linux's ru_maxrss begins with what the process held before exec: the parent's.
    """
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.M)
    except FileNotFoundError:
        found = None
    if found:
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024  # macOS: bytes


def _say(**answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
