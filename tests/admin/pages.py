"""Addresses of the admin's pages."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from metrics.models import Member

HOME = reverse("admin:index")
MEMBERS = reverse("admin:metrics_member_changelist")
CONTEXT = reverse("admin:change_context")


def page_of(member: Member) -> str:
    return reverse("admin:metrics_member_change", args=[member.pk])


def go_back(client: Client, day: date, **fields: str):
    """Put the user's own view on a date."""
    sent = {"mode": "sandbox", "scope": "me", "business_date": day.isoformat(), **fields}
    return client.post(CONTEXT, sent)


def text_of(response) -> str:
    return response.content.decode()


def count_queries(client: Client, address: str) -> int:
    client.get(address)  # whatever is kept from the first time on is
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)
