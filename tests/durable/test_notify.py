from __future__ import annotations

import os
import socket

import pytest

from zqyy.durable.notify import notify_alive


@pytest.mark.parametrize("name", ["notify", f"@zqyy-{os.getpid()}"], ids=["path", "abstract"])
def test_it_tells_the_socket_that_the_unit_names(monkeypatch, tmp_path, name):
    # A socket's whole path is short, the test's folder may not be.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if name.startswith("@") else name)
        listener.settimeout(1)

        notify_alive()

        assert listener.recv(100) == b"READY=1\nWATCHDOG=1"


def test_without_systemd_it_tells_nobody(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    notify_alive()
