"""Prompts in versions: seeded from files, never changed, the newest used from the next call on."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from aijobs.ai_apps.base import PLACE_OF_FEATURES, read_prompt
from aijobs.errors import PromptError
from aijobs.inputs import build_inputs, read_inputs
from aijobs.models import Prompt, Run
from aijobs.prompt_versions import add_prompt, newest_prompt, seed_prompts
from aijobs.providers import PROVIDER_OPTIONS
from aijobs.registry import AI_APPS
from aijobs.runs import record_inputs
from sandbox.context import use_context
from sandbox.errors import BadRequest
from sandbox.options import option_values
from tests.aijobs.driving import drive, open_app, open_chain, rows, statuses, take
from zqyy.database import as_owner

APP = AI_APPS["app7_customer"]
TEMPLATE = f"第二版。\n{PLACE_OF_FEATURES}\n"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def author(db) -> User:
    return User.objects.create_user("author")


def add(store, author, template: str = TEMPLATE, app: str = APP.key) -> Prompt:
    with use_context(store.live):
        return add_prompt(app=app, template=template, note="更短", actor_id=author.pk)


def versions_of(app: str) -> list[tuple[int, int]]:
    found = Prompt.objects.filter(app=app).order_by("version")
    return list(found.values_list("version", "output_version"))


def test_every_app_begins_with_its_file():
    assert {prompt.app: prompt.template for prompt in Prompt.objects.all()} == {
        key: read_prompt(key) for key in AI_APPS
    }
    assert set(Prompt.objects.values_list("version", "author")) == {(1, None)}


def test_seeding_again_changes_nothing(store, author):
    add(store, author)
    before = list(Prompt.objects.order_by("pk").values())

    with as_owner():
        call_command("migrate", verbosity=0)

    assert list(Prompt.objects.order_by("pk").values()) == before


def test_a_new_output_gets_a_version_of_its_own(store, author, monkeypatch):
    add(store, author)
    monkeypatch.setitem(AI_APPS, APP.key, replace(APP, output_version=2))

    seed_prompts()

    assert versions_of(APP.key) == [(1, 1), (2, 1), (3, 2)]
    assert newest_prompt(AI_APPS[APP.key]).template == read_prompt(APP.key)
    # A process of the release before goes on with its own.
    assert newest_prompt(APP).version == 2


def test_a_database_from_before_prompts_is_left_alone():
    class Before:
        def get_model(self, *names: str) -> None:
            raise LookupError

    seed_prompts(apps=Before())

    assert apps.get_model("aijobs", "Prompt").objects.count() == len(AI_APPS)


@pytest.mark.parametrize(
    "change",
    ["UPDATE prompts SET template = 'x'", "UPDATE prompts SET note = 'x'", "DELETE FROM prompts"],
)
def test_the_database_refuses_to_change_or_delete_one(change):
    def attempt() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)

    with pytest.raises(DatabaseError, match="append-only"):
        attempt()
    with as_owner(), pytest.raises(DatabaseError, match="append-only"):
        attempt()


def test_runs_record_the_version_that_they_asked(store, provider):
    drive(open_app(store, APP.key))

    (run,) = rows(store, Run)
    assert run.prompt_version == 1
    assert run.prompt == APP.prompt(run.features)


def test_a_new_version_is_asked_from_the_next_call_on(store, author, provider):
    waiting = open_app(store, APP.key)
    add(store, author)
    drive(waiting)
    add(store, author, TEMPLATE.replace("第二版", "第三版"))
    drive(open_app(store, APP.key))

    asked = [call.prompt.partition("。")[0] for call in provider.calls_of(APP.key)]
    assert asked == ["第二版", "第三版"]
    assert [run.prompt_version for run in rows(store, Run)] == [2, 3]


def test_the_version_does_not_change_what_the_features_are_known_by(store, author, provider):
    drive(open_app(store, APP.key))
    add(store, author)
    drive(open_app(store, APP.key))

    first, second = rows(store, Run)
    assert first.features_sha256 == second.features_sha256
    assert first.prompt != second.prompt


def test_another_apps_version_is_none_of_its_own(store, author):
    add(store, author, app="app3_clue")

    assert newest_prompt(APP).version == 1


def test_without_a_prompt_a_step_fails_and_says_so(store, provider, monkeypatch):
    monkeypatch.setitem(AI_APPS, APP.key, replace(APP, output_version=9))

    drive(open_app(store, APP.key))

    (run,) = rows(store, Run)
    assert (run.status, run.error_code) == ("failed", "prompt_error")
    assert "output version 9" in run.error
    assert provider.calls == []
    with pytest.raises(PromptError):
        newest_prompt(AI_APPS[APP.key])


def test_a_prewarms_successor_records_the_version_of_what_it_sends(store, author, provider):
    job_id = open_app(store, APP.key)
    take(job_id)
    with use_context(store.live):
        run = Run.objects.get(job=job_id)
        options = option_values(PROVIDER_OPTIONS, store.site)
        record_inputs(run, **build_inputs(store.live, run.job, run, options).as_columns())
    add(store, author)

    with use_context(store.live):
        again = read_inputs(run.job, Run.objects.get(pk=run.pk), options)
    assert (again.prompt_version, again.prompt) == (1, run.prompt)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{{features}}",
        f"{PLACE_OF_FEATURES}\n{PLACE_OF_FEATURES}",
        PLACE_OF_FEATURES.replace("\n", " "),
        f"{PLACE_OF_FEATURES}\n再说一遍：{{{{features}}}}",
        TEMPLATE + "长" * 20_000,
    ],
)
def test_what_is_no_template_is_refused(store, author, template):
    with pytest.raises(BadRequest) as refusal:
        add(store, author, template)

    assert list(refusal.value.fields) == ["template"]
    assert versions_of(APP.key) == [(1, 1)]


def test_two_authors_at_once_get_a_version_each(store, author):
    barrier = threading.Barrier(4)

    def write() -> None:
        try:
            barrier.wait(10)
            add(store, author)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _author in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert versions_of(APP.key) == [(n, 1) for n in range(1, 6)]


def test_a_chain_takes_the_newest_of_each_app(store, author, provider):
    add(store, author, app="app8_consolidate")

    drive(open_chain(store))

    assert {run.app: run.prompt_version for run in rows(store, Run)} == {
        "app3_clue": 1,
        "app8_consolidate": 2,
        "app7_customer": 1,
    }
    assert set(statuses(store).values()) == {"success"}
