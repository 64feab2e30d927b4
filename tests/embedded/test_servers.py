"""`attach_or_start`: what every command of the project begins with."""

import json
import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import pytest

from zqyy.durable.processes import wait_for_end

pytestmark = pytest.mark.slow

# Attaches or starts, says where, and stays until it is told to go.
COMMAND = """
import os, signal, sys
from zqyy.embedded import EmbeddedError, attach_or_start
try:
    attach_or_start()
except EmbeddedError as error:
    sys.exit(str(error))
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], os.environ["SECRET_KEY"], flush=True)
if "stay" in sys.argv:
    signal.sigwait({signal.SIGUSR1})
"""
QUERY = (
    COMMAND
    + """
import psycopg
with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as connection:
    connection.execute(sys.argv[1])
"""
)


@pytest.fixture
def command(start, folder):
    def start_command(*arguments, code=COMMAND, folder=folder, **environment):
        return start("-c", code, *arguments, folder=folder, **environment)

    return start_command


@pytest.fixture
def blocked_usr1():
    """sigwait in the commands needs the signal blocked from their first moment."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_command_alone_stops_its_servers_at_its_end(command, blocked_usr1):
    alone = command("stay")
    alone.wait_for_line("postgres://")
    family = alone.family()
    assert family

    alone.process.send_signal(signal.SIGUSR1)

    assert alone.finish() == 0
    assert not wait_for_end(family, seconds=10)


def test_data_written_by_one_command_is_there_for_the_next(command):
    first = command("CREATE TABLE kept ()", code=QUERY)
    assert first.finish() == 0, first.output

    second = command("DROP TABLE kept", code=QUERY)

    assert second.finish() == 0, second.output


def test_two_commands_at_once_on_a_new_folder_use_the_same_servers(
    command, new_folder, blocked_usr1
):
    commands = [command("stay", folder=new_folder) for _ in range(2)]

    lines = {each.wait_for_line("postgres://") for each in commands}

    assert len(lines) == 1
    for each in commands:
        each.process.send_signal(signal.SIGUSR1)
    assert [each.finish() for each in commands] == [0, 0]


def test_servers_stay_until_the_last_command_that_uses_them_has_ended(command, blocked_usr1):
    first = command("stay")
    first.wait_for_line("postgres://")
    second = command("stay")
    second.wait_for_line("postgres://")

    first.process.send_signal(signal.SIGUSR1)
    first.wait_for_line("Waiting for another command")

    assert first.family()
    second.process.send_signal(signal.SIGUSR1)
    assert second.finish() == 0
    assert first.finish() == 0


def test_a_command_attaches_to_the_running_application(start_application, command):
    application = start_application()

    attached = command()

    assert attached.finish() == 0
    announced = json.loads((Path(application_folder(application)) / "servers.json").read_text())
    assert announced["environment"]["DATABASE_URL"] in attached.output
    assert application.process.poll() is None


def application_folder(application):
    return next(
        line.split("Data folder", 1)[1].strip()
        for line in application.output.splitlines()
        if "Data folder" in line
    )


def test_the_application_waits_for_a_command_that_runs_the_servers(start, command, folder):
    alone = command("stay")
    alone.wait_for_line("postgres://")

    application = start("-m", "tests.embedded.standin", folder=folder)
    application.wait_for_line(f"(pid {alone.process.pid}) to finish")
    alone.process.kill()

    application.wait_for_line("Ctrl-C stops")


def test_urls_of_the_environment_start_nothing(command, tmp_path, blocked_usr1):
    untouched = tmp_path / "untouched"
    alone = command(
        "stay",
        folder=untouched,
        DATABASE_URL="postgres://elsewhere/db",
        REDIS_URL="redis://elsewhere",
        SECRET_KEY="given",
    )

    alone.wait_for_line("postgres://elsewhere/db redis://elsewhere given")

    assert not alone.family()
    assert not untouched.exists()


def test_one_url_of_the_environment_leaves_the_other_server_to_us(command):
    alone = command(REDIS_URL="redis://elsewhere")

    assert alone.finish() == 0
    assert "@127.0.0.1" in alone.output
    assert "redis://elsewhere" in alone.output


def test_an_owner_without_a_database_is_refused(command):
    alone = command(DATABASE_OWNER_URL="postgres://owner@elsewhere/db")

    assert alone.finish() == 1
    assert "set both or none" in alone.output


def test_data_of_another_postgresql_is_refused(command, folder):
    version = folder / "postgres" / "PG_VERSION"
    version.write_text("15\n")
    try:
        alone = command()

        assert alone.finish() == 1
        assert "holds data of PostgreSQL 15" in alone.output
    finally:
        version.write_text("18\n")


def test_a_folder_with_other_things_in_it_is_refused(command, tmp_path):
    (tmp_path / "holiday.jpg").touch()

    alone = command(folder=tmp_path)

    assert alone.finish() == 1
    assert "holds something else" in alone.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as another user")
def test_a_folder_out_of_the_service_users_reach_is_refused(command):
    closed = Path(tempfile.mkdtemp())
    try:
        alone = command(folder=closed / "data")

        assert alone.finish() == 1
        assert f"because {closed} is closed" in alone.output
    finally:
        shutil.rmtree(closed)


def test_secrets_are_closed_to_others_and_reach_no_command_line(command, folder, blocked_usr1):
    alone = command("stay")
    alone.wait_for_line("postgres://")
    secrets = json.loads((folder / "secrets.json").read_text())

    command_lines = " ".join(" ".join(process.cmdline()) for process in alone.family())

    assert not [name for name, secret in secrets.items() if secret in command_lines]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("secrets.json", "servers.json", "valkey/valkey.conf"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_killed_postmaster_s_pid_file_does_not_stop_the_next_start(command, folder):
    # As after a container's restart: the number in the file is now another program's.
    assert command().finish() == 0
    (folder / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}/postgres\n")

    assert command().finish() == 0
