"""PostgreSQL from its wheel: a cluster made once, run as a direct child of a guard."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil

from zqyy.durable.guarded import GuardedProcess, spawn_guarded
from zqyy.durable.processes import wait_for_end
from zqyy.embedded.binaries import POSTGRES_MAJOR, postgres_programs
from zqyy.embedded.folder import DataFolder, EmbeddedError
from zqyy.embedded.server import LOCALHOST, Server

DATABASE = "zqyy"
SUPERUSER = "postgres"
OWNER = "zqyy_owner"
APP = "zqyy_app"

SETTINGS = {
    "listen_addresses": LOCALHOST,
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "jit": "off",
    "synchronous_commit": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests only: a power cut may cost the whole cluster.
SETTINGS_WITHOUT_DURABILITY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class PostgresServer(Server):
    """The cluster in `postgres/`, with the owner's and the application's login roles."""

    name = "postgres"
    start_seconds = 60.0  # after a crash it replays its log first

    def __init__(self, *, folder: DataFolder, lock: int, durable: bool) -> None:
        super().__init__(folder=folder, lock=lock)
        self.durable = durable
        self.cluster = folder.path / "postgres"
        self.require_own_version()
        self.programs = postgres_programs(folder)

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self._url(APP, self.secrets["app"]),
            "DATABASE_OWNER_URL": self._url(OWNER, self.secrets["owner"]),
        }

    def spawn(self) -> GuardedProcess:
        if not self.cluster.exists():
            self._make_cluster()
        self._clear_stale_pid()
        settings = {**SETTINGS, **({} if self.durable else SETTINGS_WITHOUT_DURABILITY)}
        user = self.folder.service_user
        return spawn_guarded(
            [
                *(str(self.programs / "postgres"), "-D", str(self.cluster), "-p", str(self.port)),
                *(part for key, value in settings.items() for part in ("-c", f"{key}={value}")),
            ],
            env=_environment(),
            cwd=self.cluster,
            stop_signal=signal.SIGINT,  # fast shutdown: sessions end, nothing is lost
            uid=user.uid if user else None,
            gid=user.gid if user else None,
            log=self.log,
            pass_fds=(self.lock,),
        )

    def is_ready(self) -> bool:
        """The postmaster says so in the last line of its pid file, as pg_ctl reads it."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return (
            self.process is not None
            and len(lines) >= 8
            and lines[0] == str(self.process.child_pid)
            and lines[7].strip() == "ready"
        )

    def require_own_version(self) -> None:
        """The folder's PostgreSQL version must be the wheel's.

        Raises:
            EmbeddedError: it is another one.
        """
        try:
            found = (self.cluster / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return
        if found != POSTGRES_MAJOR:
            raise EmbeddedError(
                f"{self.folder.path} holds data of PostgreSQL {found}, this release runs "
                f"PostgreSQL {POSTGRES_MAJOR}. Take a backup with the release that made it and "
                f"restore it here, or set ZQYY_DATA_DIR to another folder."
            )

    def _url(self, role: str, password: str) -> str:
        return f"postgres://{role}:{password}@{LOCALHOST}:{self.port}/{DATABASE}"

    def _make_cluster(self) -> None:
        """initdb and the roles in a draft folder, renamed when complete: all or nothing."""
        draft = self.folder.path / ".postgres-draft"
        shutil.rmtree(draft, ignore_errors=True)
        password_file = self.folder.path / ".postgres-password"
        password_file.unlink(missing_ok=True)
        fd = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, self.secrets["superuser"].encode())
        os.close(fd)
        self.folder.give_to_service_user(password_file)
        try:
            self._run(
                *(self.programs / "initdb", "-D", draft, "-U", SUPERUSER, "-E", "UTF8"),
                *("-A", "scram-sha-256", f"--pwfile={password_file}"),
                # The same order and letter case on every machine, whatever its locales.
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(() if self.durable else ("--no-sync",)),
            )
        finally:
            password_file.unlink()
        self._run(
            self.programs / "postgres", "--single", "-D", draft, "postgres", sql=self._roles()
        )
        os.rename(draft, self.cluster)

    def _roles(self) -> str:
        """One statement a line, as single-user mode reads them; no password reaches an argv."""
        attributes = "LOGIN NOSUPERUSER NOCREATEROLE NOBYPASSRLS"
        return (
            f"CREATE ROLE {OWNER} {attributes} CREATEDB PASSWORD '{self.secrets['owner']}'\n"
            f"CREATE ROLE {APP} {attributes} NOCREATEDB PASSWORD '{self.secrets['app']}'\n"
            f"CREATE DATABASE {DATABASE} OWNER {OWNER}\n"
        )

    def _run(self, *command: Path | str, sql: str | None = None) -> None:
        user = self.folder.service_user
        identity: dict[str, Any] = (
            {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}
        )
        done = subprocess.run(  # noqa: S603  a list of our own, no shell
            [str(part) for part in command],
            input=sql or "",
            env=_environment(),
            cwd=self.folder.path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **identity,
        )
        # Single-user mode reports a failed statement in its output only.
        if done.returncode or "ERROR:" in done.stdout:
            raise EmbeddedError(f"Cannot prepare PostgreSQL:\n{done.stdout.strip()}")

    def _clear_stale_pid(self) -> None:
        """Remove the pid file of a postmaster that was killed, ending it if it still runs.

        PostgreSQL itself refuses to start when the number now belongs to another program, which
        is likely after a container's restart. We hold the folder's lock and so do all guards:
        a postmaster alive at this point is one whose guard was killed.
        """
        file = self.cluster / "postmaster.pid"
        try:
            pid = int(file.read_text().split(maxsplit=1)[0])
            orphan = psutil.Process(pid)
            if str(self.cluster) in orphan.cmdline():
                orphan.send_signal(signal.SIGINT)
                if wait_for_end([orphan], seconds=10):
                    raise EmbeddedError(f"An earlier PostgreSQL (pid {pid}) does not end")
        except FileNotFoundError:
            return
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            pass
        file.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C"}
