"""What is done for all stores in turn."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from sandbox.every_store import in_every_store
from sandbox.models import Site
from tests.factories import make_site

pytestmark = pytest.mark.django_db


def test_a_store_in_trouble_does_not_keep_the_others_from_their_turn():
    make_site("a")
    Site.objects.create(code="b", name="b", timezone="Nowhere")
    make_site("c")
    done = []

    def act(ctx) -> None:
        done.append(ctx.site.code)
        raise ValueError

    in_every_store(act)

    assert done == ["a", "c"]


def test_an_outage_ends_the_round():
    make_site("a")

    def act(ctx) -> None:
        raise OperationalError

    with pytest.raises(OperationalError):
        in_every_store(act)
