"""Start programs under a guard, so that they die with this process, however it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from zqyy.durable.guard import kill_group

GUARD = Path(__file__).with_name("guard.py")
GRACE_SECONDS = 8.0


class GuardedProcess:
    """A program and its guard. `pid` is the guard's, `child_pid` the program's and its group's."""

    def __init__(self, *, guard: subprocess.Popen[bytes], child_pid: int, lifeline: int) -> None:
        self._guard = guard
        self._lifeline: int | None = lifeline
        self._has_ended = False
        self.child_pid = child_pid

    @property
    def pid(self) -> int:
        return self._guard.pid

    def poll(self) -> int | None:
        """The exit status of the program (128 + N for signal N), or None while it runs."""
        return self._settle(self._guard.poll())

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the program and return its exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        status = self._settle(self._guard.wait(timeout))
        assert status is not None  # noqa: S101  wait() returned, so the guard has ended
        return status

    def request_stop(self) -> None:
        """Ask the guard to stop the program, without waiting."""
        if self._lifeline is None:
            return
        try:
            # Closing is not enough where a forked copy of this process holds the pipe too.
            os.write(self._lifeline, b"x")
        except BrokenPipeError:
            pass  # the guard has ended
        self._close_lifeline()

    def stop(self, grace: float = GRACE_SECONDS) -> int:
        """Stop the program, by SIGKILL to its group after `grace` seconds; its exit status."""
        self.request_stop()
        try:
            return self.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill_group()
            return self.wait()

    def kill_group(self) -> None:
        """SIGKILL to the program and everything in its process group, at once."""
        if self._guard.poll() is None:
            kill_group(self.child_pid)

    def _settle(self, status: int | None) -> int | None:
        if status is None:
            return None
        if not self._has_ended:
            self._has_ended = True
            self._close_lifeline()
            if status < 0:
                # The guard itself was killed: nobody else would end its program.
                kill_group(self.child_pid)
        return status if status >= 0 else 128 - status

    def _close_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None


def spawn_guarded(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    grace: float = GRACE_SECONDS,
    uid: int | None = None,
    gid: int | None = None,
    log: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> GuardedProcess:
    """Start a program in a process group of its own, under a guard in a session of its own.

    Args:
        stop_signal: what asks the program to end; SIGKILL follows after `grace` seconds.
        uid, gid: what the program runs as; the guard stays as it is.
        log: file to which both output streams are appended; without it they are inherited.
        pass_fds: descriptors that the guard (not the program) keeps open as long as it lives.

    Raises:
        OSError: the program cannot be started.
    """
    lifeline_reader, lifeline_writer = os.pipe()
    status_reader, status_writer = os.pipe()
    output = None if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        guard = subprocess.Popen(  # noqa: S603  a list, no shell
            [
                *(sys.executable, "-I", "-S", str(GUARD)),
                *(str(int(stop_signal)), str(grace)),
                *(str("-" if number is None else number) for number in (uid, gid)),
                *(str(status_writer), *argv),
            ],
            stdin=lifeline_reader,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            pass_fds=(status_writer, *pass_fds),
            start_new_session=True,
        )
    except BaseException:
        os.close(lifeline_writer)
        os.close(status_reader)
        raise
    finally:
        for fd in (lifeline_reader, status_writer, output):
            if fd is not None:
                os.close(fd)
    with os.fdopen(status_reader) as status:
        line = status.read()
    if not line.isdecimal():
        os.close(lifeline_writer)
        guard.wait()
        raise OSError(f"cannot start {argv[0]}: {line.removeprefix('!') or 'its guard ended'}")
    return GuardedProcess(guard=guard, child_pid=int(line), lifeline=lifeline_writer)
