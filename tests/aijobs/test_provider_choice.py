"""Who answers for an app: by option for it, by option for the store, as configured at start."""

from __future__ import annotations

import pytest

from aijobs.providers import PROVIDER_OPTIONS, PROVIDERS, provider_for
from sandbox.context import use_context
from sandbox.errors import BadRequest
from sandbox.options import OptionReader, option_values, set_option

pytestmark = pytest.mark.django_db


def answers(store, app: str) -> str:
    with use_context(store.live):
        return provider_for(app, option_values(PROVIDER_OPTIONS, store.site)).name


def choose(store, key: str, value: object) -> None:
    with use_context(store.live):
        set_option(key=key, value=value, site=store.site, actor_id=None)


def test_without_options_it_is_whoever_was_configured(store, settings):
    settings.AI_PROVIDER = "openai"

    assert answers(store, "app3_clue") == "openai"


def test_the_stores_option_comes_before_what_was_configured(store):
    choose(store, "ai_provider", "openai")

    assert answers(store, "app3_clue") == "openai"


def test_an_apps_own_option_comes_first(store):
    choose(store, "ai_provider", "openai")
    choose(store, "ai_provider_by_app", {"app3_clue": "dashscope"})

    assert answers(store, "app3_clue") == "dashscope"
    assert answers(store, "app7_customer") == "openai"


@pytest.mark.parametrize(
    ("key", "value"),
    [("ai_provider", "gpt"), ("ai_provider_by_app", {"app3_clue": "gpt"})],
    ids=["store", "app"],
)
def test_a_provider_that_does_not_exist_is_refused_with_those_that_do(store, key, value):
    with pytest.raises(BadRequest) as refused:
        choose(store, key, value)

    assert "rules, dashscope, openai" in str(refused.value.fields["value"])


def test_work_under_way_goes_by_options_that_are_two_seconds_old_at_most(store, monkeypatch):
    now = 100.0
    monkeypatch.setattr("sandbox.options.time.monotonic", lambda: now)
    reader = OptionReader(("rate_wait_seconds",), store.site)
    with use_context(store.live):
        before = reader["rate_wait_seconds"]
        set_option(key="rate_wait_seconds", value=7, site=store.site, actor_id=None)

        assert reader["rate_wait_seconds"] == before
        now += 2.1
        assert reader["rate_wait_seconds"] == 7


def test_an_app_may_have_a_model_of_its_own(settings):
    settings.OPENAI_MODEL, settings.OPENAI_MODELS = "small", {"app1_chat": "large"}

    asked = [PROVIDERS["openai"].model_of(app) for app in ("app1_chat", "app3_clue")]

    assert asked == ["large", "small"]
