"""`make run`, with stand-ins for web and workers."""

import re
import signal
import socket
import urllib.request

import pytest

from tests.embedded.conftest import wait_for
from zqyy.durable.processes import wait_for_end

pytestmark = pytest.mark.slow


def address_of(application):
    return re.search(r"http://[\w.:]+", application.output).group()


def body_of(address):
    with urllib.request.urlopen(address, timeout=5) as answer:
        return answer.read()


def assert_nothing_is_left(processes):
    assert not wait_for_end(processes, seconds=10)


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_it_greets_with_address_logins_and_password(start_application):
    application = start_application(DEMO_PASSWORD="snooker-147")

    assert body_of(f"{address_of(application)}/healthz") == b"web"
    for word in ("operator", "manager", "assistant", "auditor", "snooker-147", "of a module"):
        assert word in application.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_it_started(start_application, number):
    application = start_application()
    family = application.family()

    application.process.send_signal(number)

    assert application.finish() == 0
    assert_nothing_is_left(family)


def test_a_killed_supervisor_leaves_nothing_behind(start_application):
    application = start_application()
    family = application.family()
    assert len(family) > 8  # four guards, four programs, PostgreSQL's own

    application.process.kill()

    assert_nothing_is_left(family)


def test_the_second_start_keeps_data_and_demo(start_application, folder):
    for _ in range(2):
        application = start_application()
        application.process.terminate()
        application.finish()

    assert (folder / "demo-loads").read_text() == "x"


def test_a_demo_that_was_interrupted_is_loaded_by_the_next_start(start, new_folder):
    first = start("-m", "tests.embedded.standin", folder=new_folder, DEMO_SECONDS="60")
    first.wait_for_line("migrate:")
    family = first.family()
    first.process.send_signal(signal.SIGINT)
    assert first.finish() == 0
    assert_nothing_is_left(family)

    second = start("-m", "tests.embedded.standin", folder=new_folder)
    second.wait_for_line("Ctrl-C stops")

    assert (new_folder / "demo-loads").read_text() == "x"


def test_a_failing_preparation_ends_the_start_with_its_last_words(start, new_folder):
    application = start(
        "-m", "tests.embedded.standin", folder=new_folder, DEMO_ERROR="no billiard balls"
    )

    assert application.finish() == 1
    assert "no billiard balls" in application.output
    assert "load_demo failed (status 1)" in application.output


def test_a_second_instance_is_refused_with_the_address_of_the_first(
    start_application, start, folder
):
    first = start_application()

    second = start("-m", "tests.embedded.standin", folder=folder)

    assert second.finish() == 1
    assert f"already running (pid {first.process.pid})" in second.output
    assert address_of(first) in second.output


def test_a_taken_port_is_replaced_by_the_next_free_one(start_application, taken_port):
    application = start_application(PORT=str(taken_port))

    assert f"Port {taken_port} is taken" in application.output
    assert body_of(address_of(application)) == b"web"


@pytest.mark.parametrize("port", ["eighty", "0", "65536"])
def test_a_port_that_is_none_is_refused(start, folder, port):
    application = start("-m", "tests.embedded.standin", folder=folder, PORT=port)

    assert application.finish() == 1
    assert "PORT must be a number" in application.output


@pytest.mark.parametrize(
    "words",
    [("/postgres -D",), ("valkey-server",), ("ThreadingHTTPServer",)],
    ids=["postgres", "valkey", "web"],
)
def test_a_dead_process_is_started_again(start_application, words):
    application = start_application()
    (victim,) = application.programs(*words)
    port = {connection.laddr.port for connection in victim.net_connections("tcp")}

    victim.kill()

    def successor_listens():
        return any(
            port & {connection.laddr.port for connection in successor.net_connections("tcp")}
            for successor in application.programs(*words)
            if successor.pid != victim.pid
        )

    wait_for(successor_listens)


def test_it_stops_while_the_programs_die_again_and_again(start_application):
    application = start_application()
    application.programs("time.sleep(600)")[0].kill()

    application.wait_for_line("starting it again")
    application.process.terminate()

    assert application.finish() == 0


def test_servers_of_the_environment_are_used_and_left_alone(start, folder, settings):
    application = start(
        *("-m", "tests.embedded.standin"),
        folder=folder,
        DATABASE_URL=settings.DATABASE_URL,
        DATABASE_OWNER_URL=settings.DATABASE_OWNER_URL,
        REDIS_URL=settings.REDIS_URL,
    )
    application.wait_for_line("Ctrl-C stops")

    assert not [p for p in application.family() if p.name() in ("postgres", "valkey-server")]
