"""The data folder of a checkout: who may use it, its locks, its secrets, who serves from it.

lock           flock, exclusive: the process that runs the servers, and their guards
users          flock, shared: every command that relies on servers another process runs
secrets.json   passwords, SECRET_KEY, DEMO_PASSWORD; made once, 0600
servers.json   who runs the servers, at which URLs; there while they run, 0600
demo-*.json    there once the demo is loaded, with the password of its users, 0600
postgres/ valkey/ binaries/ logs/
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
SERVICE_USER = "nobody"
ROOTS_FOLDER = Path("/var/lib/zqyy")


class EmbeddedError(Exception):
    """Something the person at the terminal can understand and act on."""


@dataclass(frozen=True)
class ServiceUser:
    """What the servers run as when we are root: PostgreSQL refuses to be."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Running:
    """Who runs the servers of this folder, and how to reach them."""

    pid: int
    command: str
    is_supervisor: bool
    environment: dict[str, str]
    address: str = ""

    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def service_user() -> ServiceUser | None:
    """The service user, or None where the servers run as we do."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(SERVICE_USER)
    return ServiceUser(uid=entry.pw_uid, gid=entry.pw_gid)


def default_path() -> Path:
    """ZQYY_DATA_DIR, else `.data` here; for root a folder that the service user can reach."""
    if given := os.environ.get("ZQYY_DATA_DIR"):
        return Path(os.path.abspath(given))
    if os.geteuid() == 0:
        digest = hashlib.sha256(str(PROJECT).encode()).hexdigest()
        return ROOTS_FOLDER / digest[:16]
    return PROJECT / ".data"


class DataFolder:
    """The folder, made on first use, 0700 and owned by whoever runs the servers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.service_user = service_user()

    def create(self) -> None:
        """Make the folder if it is missing.

        Raises:
            EmbeddedError: it cannot be made, the service user cannot reach it, or it holds
                something else.
        """
        try:
            for parent in reversed(self.path.parents):
                if not parent.exists():
                    parent.mkdir(exist_ok=True)
                    parent.chmod(0o755)
            self.path.mkdir(mode=0o700, exist_ok=True)
            if not self.logs.is_dir():
                self._take_over()
            self._require_reachable()
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(f"Cannot use the data folder {self.path}: {error}") from error

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def give_to_service_user(self, path: Path) -> None:
        if self.service_user:
            os.chown(path, self.service_user.uid, self.service_user.gid)

    def _take_over(self) -> None:
        """Close the new folder to others and hand it to whoever runs the servers."""
        # logs/ is the first thing made: another first command may just have made it.
        if any(self.path.iterdir()) and not self.logs.is_dir():
            raise EmbeddedError(f"{self.path} holds something else; choose another ZQYY_DATA_DIR.")
        self.path.chmod(0o700)
        self.give_to_service_user(self.path)

    def _require_reachable(self) -> None:
        """Every folder above must let the service user through."""
        if not self.service_user:
            return
        for parent in self.path.parents:
            status = parent.stat()
            needed = stat.S_IXOTH
            if status.st_uid == self.service_user.uid:
                needed = stat.S_IXUSR
            elif status.st_gid == self.service_user.gid:
                needed = stat.S_IXGRP
            if not status.st_mode & needed:
                raise EmbeddedError(
                    f"As root, PostgreSQL runs as the user {SERVICE_USER}, who cannot reach "
                    f"{self.path} because {parent} is closed. Choose another ZQYY_DATA_DIR, "
                    f"or leave it unset."
                )

    # --- Locks -----------------------------------------------------------------------------

    def lock_servers(self) -> int | None:
        """The right to run the servers here, as an open descriptor; None if another has it."""
        return self._lock("lock", fcntl.LOCK_EX | fcntl.LOCK_NB)

    def lock_users(self, *, exclusive: bool, wait: bool) -> int | None:
        """Shared: the servers stay while this is open. Exclusive: nobody relies on them."""
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        return self._lock("users", kind if wait else kind | fcntl.LOCK_NB)

    def _lock(self, name: str, operation: int) -> int | None:
        fd = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, operation)
        except BlockingIOError:
            os.close(fd)
            return None
        except BaseException:
            os.close(fd)
            raise
        return fd

    # --- Files -----------------------------------------------------------------------------

    def read_secrets(self) -> dict[str, str]:
        """The secrets of this folder, made on first use."""
        path = self.path / "secrets.json"
        if not path.exists():
            content = {
                "SECRET_KEY": secrets.token_urlsafe(50),
                "DEMO_PASSWORD": secrets.token_urlsafe(9),
                "superuser": secrets.token_urlsafe(24),
                "owner": secrets.token_urlsafe(24),
                "app": secrets.token_urlsafe(24),
                "valkey": secrets.token_urlsafe(24),
            }
            draft = self._write_draft(content)
            try:
                # Of two first commands at once, one makes the secrets; both read the same ones.
                os.link(draft, path)
            except FileExistsError:
                pass
            draft.unlink()
        return {key: str(value) for key, value in json.loads(path.read_text()).items()}

    def announce(self, running: Running) -> None:
        """Tell other commands who runs the servers and where they are."""
        self.write("servers.json", asdict(running))

    def withdraw(self) -> None:
        (self.path / "servers.json").unlink(missing_ok=True)

    def read_running(self) -> Running | None:
        """Who announced servers here and still lives."""
        try:
            running = Running(**json.loads((self.path / "servers.json").read_text()))
        except FileNotFoundError:
            return None
        return running if running.is_alive() else None

    def write(self, name: str, content: Mapping[str, object]) -> None:
        """Write a file of ours, 0600, complete or not at all."""
        os.replace(self._write_draft(content), self.path / name)

    def _write_draft(self, content: Mapping[str, object]) -> Path:
        draft = self.path / f".draft-{secrets.token_hex(8)}"
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(fd)
        return draft
