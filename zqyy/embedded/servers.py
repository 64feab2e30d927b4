"""Attach to the servers that run beside this data folder, or start them for our own duration."""

from __future__ import annotations

import atexit
import os
import shlex
import sys
import time
from pathlib import Path

from zqyy.embedded.folder import DataFolder, EmbeddedError, Running, default_path
from zqyy.embedded.postgres import PostgresServer
from zqyy.embedded.server import Server
from zqyy.embedded.valkey import ValkeyServer

# How long to wait for a process that starts or stops the servers of this folder.
PATIENCE_SECONDS = 60.0
DATABASE_VARIABLES = ("DATABASE_URL", "DATABASE_OWNER_URL")
SECRETS = ("SECRET_KEY", "DEMO_PASSWORD")


class OwnServers:
    """The servers this process runs: those for which the environment names none."""

    def __init__(self, *, folder: DataFolder, lock: int, durable: bool = True) -> None:
        self.folder = folder
        self.lock = lock
        folder.withdraw()  # what a killed predecessor left
        self.servers: list[Server] = []
        self.started: dict[str, str] = {}
        if not is_set("REDIS_URL"):
            self.servers.append(ValkeyServer(folder=folder, lock=lock))
        if not is_set("DATABASE_URL"):
            self.servers.append(PostgresServer(folder=folder, lock=lock, durable=durable))

    def start(self) -> None:
        """Start what is missing and put its URLs and the folder's secrets into os.environ."""
        try:
            for server in self.servers:
                server.start()
        except BaseException:
            self.stop()
            raise
        self.started = {
            key: url for server in self.servers for key, url in server.environment().items()
        }
        os.environ.update(self.started)
        set_secrets(self.folder)

    def announce(self, *, is_supervisor: bool, address: str = "") -> None:
        """Let other commands find the servers.

        A supervisor passes on all it uses. A lone command passes on only what it started: what
        its environment named was meant for it alone.
        """
        names = (*DATABASE_VARIABLES, "REDIS_URL", *SECRETS) if is_supervisor else self.started
        self.folder.announce(
            Running(
                pid=os.getpid(),
                command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:2]]),
                is_supervisor=is_supervisor,
                environment={name: os.environ[name] for name in names if name in os.environ},
                address=address,
            )
        )

    def stop(self) -> None:
        self.folder.withdraw()
        for server in self.servers:
            if server.process:
                server.process.request_stop()
        for server in self.servers:
            server.stop()
        os.close(self.lock)


def attach_or_start(*, durable: bool = True) -> None:
    """Fill os.environ with the URLs and secrets it lacks.

    What is set stays as it is. Servers that another process runs from this data folder are used
    and kept from stopping until we end; otherwise they are started and stop when we end.

    Raises:
        EmbeddedError: with a sentence for the person at the terminal.
    """
    refuse_owner_alone()
    has_servers = is_set("DATABASE_URL") and is_set("REDIS_URL")
    if has_servers and is_set("SECRET_KEY"):
        return
    folder = DataFolder(default_path())
    folder.create()
    if has_servers:
        set_secrets(folder)
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        lock = folder.lock_servers()
        if lock is not None:
            _start_for_own_duration(OwnServers(folder=folder, lock=lock, durable=durable))
            return
        if _attach(folder):
            return
        if time.monotonic() > deadline:
            raise EmbeddedError(describe_holder(folder))
        time.sleep(0.1)


def is_set(name: str) -> bool:
    """Whether the environment gives the value itself or, as NAME_FILE, a file that holds it."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def set_secrets(folder: DataFolder) -> None:
    """Fill in the secrets of the folder that the environment does not set."""
    for name, value in folder.read_secrets().items():
        if name in SECRETS and not is_set(name):
            os.environ[name] = value


def refuse_owner_alone() -> None:
    """An owner's URL without the application's would be used beside an embedded database."""
    if is_set("DATABASE_OWNER_URL") and not is_set("DATABASE_URL"):
        raise EmbeddedError("DATABASE_OWNER_URL is set but DATABASE_URL is not: set both or none.")


def describe_holder(folder: DataFolder) -> str:
    running = folder.read_running()
    if running is None:
        return f"Another process holds {folder.path / 'lock'} but does not say where it serves."
    return (
        f"`{running.command}` (pid {running.pid}) runs the servers of {folder.path} "
        f"without those this command needs."
    )


def _attach(folder: DataFolder) -> bool:
    """Use the servers of whoever announced them; False while there are none to use."""
    users = folder.lock_users(exclusive=False, wait=False)
    if users is None:
        return False  # they are being stopped
    # From here on their owner waits for us before it stops them, unless it is told to stop.
    running = folder.read_running()
    missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not is_set(name)]
    if running is None or not set(missing) <= running.environment.keys():
        os.close(users)
        return False
    if is_set("DATABASE_URL"):
        missing_variables = set(running.environment) - set(DATABASE_VARIABLES)
    else:
        missing_variables = set(running.environment)
    for name in missing_variables:
        if not is_set(name):
            os.environ[name] = running.environment[name]
    set_secrets(folder)
    return True


def _start_for_own_duration(own: OwnServers) -> None:
    own.start()
    own.announce(is_supervisor=False)
    starter = os.getpid()

    def stop() -> None:
        if os.getpid() == starter:  # not in a forked worker
            _wait_for_users(own.folder)
            own.stop()

    atexit.register(stop)


def _wait_for_users(folder: DataFolder) -> None:
    """Let commands that attached to our servers finish; Ctrl-C cuts the wait short."""
    users = folder.lock_users(exclusive=True, wait=False)
    if users is None:
        sys.stderr.write("Waiting for another command that uses these servers ...\n")
        try:
            users = folder.lock_users(exclusive=True, wait=True)
        except KeyboardInterrupt:
            return
