"""Applications with stand-in programs on data folders of their own."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from zqyy.durable.processes import has_ended, wait_for_end

PROJECT = Path(__file__).resolve().parents[2]
FROM_SERVERS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "DEMO_PASSWORD")


class Command:
    """A process of the project on one data folder, without the servers of the test run."""

    def __init__(self, *arguments, folder, **environment):
        inherited = {key: value for key, value in os.environ.items() if key not in FROM_SERVERS}
        self.output = ""
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env={**inherited, "ZQYY_DATA_DIR": str(folder), **environment},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.seen = {}

    def wait_for_line(self, text):
        """Read up to a line with this text and return it."""
        for line in self.process.stdout:
            self.output += line
            if text in line:
                return line
        raise AssertionError(f"ended without {text!r}:\n{self.output}")

    def finish(self):
        """Wait for the end and return the exit status."""
        self.output += self.process.stdout.read()
        return self.process.wait(30)

    def family(self):
        """All processes below it, by now."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            self.seen[child.pid] = child
        return [child for child in self.seen.values() if not has_ended(child)]

    def programs(self, *words):
        """Living processes below it, guards aside, whose command lines have these words."""
        found = []
        for process in self.family():
            try:
                words_of_process = process.cmdline()
            except psutil.Error:  # it is ending just now
                continue
            line = " ".join(words_of_process)
            if "guard.py" not in line and all(word in line for word in words):
                found.append(process)
        return found


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return result


@pytest.fixture(scope="module")
def folder():
    """A data folder with a space in its name, shared by the tests of a module, one by one."""
    return Path(tempfile.mkdtemp(prefix="of a module ", dir=os.environ["ZQYY_DATA_DIR"]))


@pytest.fixture
def new_folder():
    return Path(tempfile.mkdtemp(dir=os.environ["ZQYY_DATA_DIR"]))


@pytest.fixture
def start():
    """Start commands that are killed after the test if it did not end them."""
    commands = []

    def start_command(*arguments, folder, **environment):
        command = Command(*arguments, folder=folder, **environment)
        commands.append(command)
        return command

    yield start_command
    for command in commands:
        family = command.family() if command.process.poll() is None else []
        command.process.kill()
        command.process.wait()
        command.process.stdout.close()
        wait_for_end(family, seconds=10)


@pytest.fixture
def start_application(start, folder):
    """Start the application and wait until it greets."""

    def start_and_wait(**environment):
        application = start("-m", "tests.embedded.standin", folder=folder, **environment)
        application.wait_for_line("Ctrl-C stops")
        return application

    return start_and_wait
