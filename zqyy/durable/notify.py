"""Telling systemd that a command of ours serves and is not stuck (sd_notify's datagrams).

Without systemd, or where the unit asks for no notification, it does nothing.
"""

from __future__ import annotations

import os
import socket


def notify_alive() -> None:
    """Ready, and alive now: a unit's WatchdogSec= runs from the last time this was said."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    # A leading @ stands for the abstract namespace.
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(b"READY=1\nWATCHDOG=1", address)
