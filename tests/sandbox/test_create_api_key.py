from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from sandbox.authentication import find_api_key
from sandbox.context import live_context, use_context
from sandbox.models import ApiKey, AuditEntry, Site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return Site.objects.create(code="east", name="东店")


def test_the_printed_key_is_valid_and_only_its_hash_is_kept(site, capsys):
    call_command("create_api_key", site="east", name="feiqiu")

    answer = json.loads(capsys.readouterr().out)
    assert (answer["site"], answer["name"]) == ("east", "feiqiu")
    assert find_api_key(answer["key"]).name == "feiqiu"
    with use_context(live_context(site)):
        assert answer["key"] not in str(ApiKey.objects.values().get())
        assert AuditEntry.objects.get().action == "api_key_created"


@pytest.mark.parametrize("options", [{"site": "west", "name": "x"}, {"site": "east", "name": " "}])
def test_it_refuses_an_unknown_store_and_an_empty_name(site, options):
    with pytest.raises(CommandError):
        call_command("create_api_key", **options)
