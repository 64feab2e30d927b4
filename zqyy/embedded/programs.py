"""What `make run` runs besides the servers, as data."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from zqyy.embedded.folder import PROJECT


@dataclass(frozen=True)
class Program:
    """One process of the application.

    Attributes:
        argv: `{host}` and `{port}` in it are filled in.
        role: its ZQYY_PROCESS: web, worker, sweeper or command.
    """

    name: str
    argv: tuple[str, ...]
    role: str


_MANAGE = (sys.executable, str(PROJECT / "manage.py"))

# On every start, to its end, before anything else.
MIGRATE = Program("migrate", (*_MANAGE, "migrate", "--no-input"), role="command")
# On the first start only; a database of one's own that has stores is left as it is.
LOAD_DEMO = Program("load_demo", (*_MANAGE, "load_demo", "--if-empty"), role="command")
# Kept running, in the order of their start.
PROGRAMS = (
    Program(
        "web",
        (
            *(sys.executable, "-m", "uvicorn", "zqyy.asgi:application"),
            *("--host", "{host}", "--port", "{port}"),
            # A socket that went away without a word is noticed within 10 s.
            *("--ws-ping-interval", "5", "--ws-ping-timeout", "5"),
            # Clients have little to say.
            *("--ws-max-size", "65536"),
            *("--timeout-graceful-shutdown", "3", "--no-access-log", "--log-level", "warning"),
        ),
        role="web",
    ),
    Program("realtime", (*_MANAGE, "run_cluster", "realtime"), role="worker"),
    Program("batch", (*_MANAGE, "run_cluster", "batch"), role="worker"),
    Program("sweeper", (*_MANAGE, "sweep"), role="sweeper"),
)
DEMO_USERS = ("operator", "manager", "assistant", "auditor")
