from __future__ import annotations

from structlog.testing import capture_logs


def test_a_search_is_not_logged(client, db):
    with capture_logs() as entries:
        client.get("/api/v1/nothing/?search=王小明")

    requests = {entry["request"] for entry in entries if "request" in entry}
    assert requests == {"GET /api/v1/nothing/"}
