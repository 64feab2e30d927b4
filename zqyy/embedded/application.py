"""`make run`: servers, migrations, the demo on the first run, then web, workers and sweeper."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from zqyy.durable.guarded import GuardedProcess, spawn_guarded
from zqyy.embedded.folder import PROJECT, DataFolder, EmbeddedError, default_path
from zqyy.embedded.programs import DEMO_USERS, LOAD_DEMO, MIGRATE, PROGRAMS, Program
from zqyy.embedded.server import is_free_port
from zqyy.embedded.servers import PATIENCE_SECONDS, OwnServers, describe_holder, refuse_owner_alone
from zqyy.embedded.supervisor import Supervisor, Unit, say

TICK_SECONDS = 0.2
DEFAULT_PORT = 8000
PORTS_TO_TRY = 50
LARGE_LOG_BYTES = 5_000_000
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    *,
    migrate: Program = MIGRATE,
    load_demo: Program = LOAD_DEMO,
    programs: Sequence[Program] = PROGRAMS,
) -> int:
    """Run the application until SIGINT, SIGTERM or SIGHUP; the exit status for the shell."""
    _stop_on_signals()
    try:
        application = Application()
        try:
            application.prepare(migrate=migrate, load_demo=load_demo)
            application.serve_until_signal(programs)
        finally:
            _ignore_signals()
            application.stop()
    except KeyboardInterrupt:
        say("Stopped.")
        return 0
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


class Application:
    """The only running instance of this data folder: it holds the folder's lock.

    Raises:
        EmbeddedError: another instance runs, or the folder cannot be used.
    """

    def __init__(self) -> None:
        refuse_owner_alone()
        self.host = os.environ.get("HOST") or "127.0.0.1"
        self.port = _wanted_port()
        self.folder = DataFolder(default_path())
        self.folder.create()
        self.own = OwnServers(folder=self.folder, lock=_take_lock(self.folder))
        self.supervised = Supervisor()
        _rotate_logs(self.folder)

    def prepare(self, *, migrate: Program, load_demo: Program) -> None:
        """Bring the servers up and the database to where the programs expect it."""
        started_at = time.monotonic()
        self.own.start()
        self.own.announce(is_supervisor=True)
        say(f"servers: {time.monotonic() - started_at:.1f} s")
        self._run_to_its_end(migrate)
        if not self._demo_marker.exists():
            self._run_to_its_end(load_demo)
            self.folder.write(self._demo_marker.name, {"password": os.environ["DEMO_PASSWORD"]})

    def serve_until_signal(self, programs: Sequence[Program]) -> NoReturn:
        """Start the programs and look after them and the servers until a signal comes."""
        self._choose_port()
        self.own.announce(is_supervisor=True, address=self.address)
        servers = Supervisor(
            Unit(server.name, server.start, server.log, server.process)
            for server in self.own.servers
        )
        self.supervised = Supervisor(
            Unit(program.name, partial(self._spawn, program), self._log(program))
            for program in programs
        )
        has_greeted = False
        while True:
            servers.tick()
            self.supervised.tick()
            if not has_greeted and self._answers():
                has_greeted = True
                self._greet()
            time.sleep(TICK_SECONDS)

    def stop(self) -> None:
        """The programs first, then the servers they talk to."""
        self.supervised.stop()
        self.own.stop()

    @property
    def address(self) -> str:
        return f"http://{f'[{self._reachable}]' if ':' in self._reachable else self._reachable}:{self.port}"

    @property
    def _reachable(self) -> str:
        """The host to connect to: a wildcard address is one to listen on."""
        wildcards = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared, not bound
        return wildcards.get(self.host, self.host)

    @property
    def _demo_marker(self) -> Path:
        """There once this database, which on its own server has no fixed URL, has the demo."""
        url = "" if "DATABASE_URL" in self.own.started else os.environ.get("DATABASE_URL", "")
        name = hashlib.sha256(url.encode()).hexdigest()[:12] if url else "embedded"
        return self.folder.path / f"demo-{name}.json"

    def _choose_port(self) -> None:
        wanted = self.port
        candidates = range(wanted, min(wanted + PORTS_TO_TRY, 65536))
        free = next((port for port in candidates if is_free_port(self.host, port)), None)
        if free is None:
            raise EmbeddedError(f"No free port on {self.host} from {wanted} on; set PORT or HOST.")
        if free != wanted:
            say(f"Port {wanted} is taken, using {free}.")
        self.port = free

    def _spawn(self, program: Program) -> GuardedProcess:
        values = {"{host}": self.host, "{port}": str(self.port)}
        return spawn_guarded(
            [values.get(part, part) for part in program.argv],
            env={**os.environ, "ZQYY_PROCESS": program.role},
            cwd=PROJECT,
            log=self._log(program),
        )

    def _log(self, program: Program) -> Path:
        return self.folder.logs / f"{program.name}.log"

    def _run_to_its_end(self, program: Program) -> None:
        started_at = time.monotonic()
        process = self._spawn(program)
        try:
            status = process.wait()
        except BaseException:
            process.stop()
            raise
        if status:
            lines = self._log(program).read_text(errors="replace").splitlines()[-20:]
            raise EmbeddedError(
                "\n".join([*lines, f"{program.name} failed (status {status}), nothing runs."])
            )
        say(f"{program.name}: {time.monotonic() - started_at:.1f} s")

    def _answers(self) -> bool:
        client = http.client.HTTPConnection(self._reachable, self.port, timeout=2)
        try:
            client.request("GET", "/healthz", headers={"Host": "localhost"})
            return client.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            client.close()

    def _greet(self) -> None:
        password = json.loads(self._demo_marker.read_text())["password"]
        say()
        say(f"  ZQYY is ready  {self.address}/")
        say(f"  Log in as      {', '.join(DEMO_USERS)}")
        say(f"  Password       {password}")
        say(f"  Data folder    {self.folder.path}")
        say(f"  Logs           {self.folder.logs}")
        say("  Ctrl-C stops everything; the data stays.")
        say()


def _wanted_port() -> int:
    value = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise EmbeddedError(f"PORT must be a number from 1 to 65535, not {value!r}.")
    return int(value)


def _take_lock(folder: DataFolder) -> int:
    """The folder's lock; a command that runs the servers for itself may finish first."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    has_said = False
    while (lock := folder.lock_servers()) is None:
        running = folder.read_running()
        if running and running.is_supervisor:
            where = f"at {running.address}" if running.address else "and still starting"
            raise EmbeddedError(f"ZQYY is already running (pid {running.pid}) {where}.")
        if time.monotonic() > deadline:
            raise EmbeddedError(describe_holder(folder))
        if running and not has_said:
            has_said = True
            say(f"Waiting for `{running.command}` (pid {running.pid}) to finish ...")
        time.sleep(0.1)
    return lock


def _rotate_logs(folder: DataFolder) -> None:
    """Put large logs aside; one old one of each is kept."""
    for log in folder.logs.glob("*.log"):
        if log.stat().st_size > LARGE_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


def _stop_on_signals() -> None:
    """Set every handler: a shell's `&` starts us with SIGINT ignored."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    for number in STOP_SIGNALS:
        signal.signal(number, stop)


def _ignore_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
