"""The schema and the page that shows it."""

from __future__ import annotations

import re

import pytest
import yaml

pytestmark = pytest.mark.django_db


def test_the_schema_names_every_route(anonymous):
    schema = yaml.safe_load(anonymous.get("/api/schema/").content)

    assert schema["openapi"] == "3.1.0"
    assert "/api/v1/sites/{site}/runtime-context/" in schema["paths"]


def test_the_page_needs_no_script_and_no_other_host(anonymous):
    response = anonymous.get("/api/docs/")
    page = response.content.decode()

    assert response.status_code == 200
    assert "/api/v1/auth/token/" in page
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)=["'](?!/|\#)""", page)
    assert (
        "'unsafe-inline'" not in response.headers["Content-Security-Policy"].split("style-src")[0]
    )
