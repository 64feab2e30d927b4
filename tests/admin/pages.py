"""Every page of the admin and who may open it: PAGES. A new page is a line there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import unescape
from urllib.parse import urljoin, urlsplit

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, resolve, reverse

from metrics.models import Member

HOME = reverse("admin:index")
MEMBERS = reverse("admin:metrics_member_changelist")
CONTEXT = reverse("admin:change_context")


@dataclass(frozen=True)
class AdminPage:
    """A page by the name of its URL.

    Attributes:
        readers: the roles that may open it; a superuser may open all.
        via: the page with a link to it, for a page about one thing.
    """

    name: str
    readers: Collection[str]
    via: str = ""


ROLES = ("manager", "operator", "auditor")
OVERSIGHT = ("operator", "auditor")
OPERATOR = ("operator",)
SUPERUSER = ()

PAGES = [
    AdminPage("index", ROLES),
    AdminPage("tonight", ROLES),
    AdminPage("daily_text", ROLES),
    AdminPage("metrics_member_changelist", ROLES),
    AdminPage("metrics_assistant_changelist", ROLES),
    AdminPage("metrics_assistant_change", ROLES, via="metrics_assistant_changelist"),
    AdminPage("metrics_assistant_day", ROLES, via="metrics_assistant_change"),
    AdminPage("metrics_coachtask_changelist", ROLES),
    AdminPage("metrics_coachtask_change", ROLES, via="metrics_coachtask_changelist"),
    AdminPage("metrics_member_change", ROLES, via="metrics_coachtask_change"),
    AdminPage("metrics_receipt", ROLES),
    AdminPage("metrics_contact_changelist", ROLES),
    AdminPage("metrics_contact_change", ROLES, via="metrics_contact_changelist"),
    AdminPage("metrics_salaryadjustmentbatch_changelist", ROLES),
    AdminPage(
        "metrics_salaryadjustmentbatch_change",
        ROLES,
        via="metrics_salaryadjustmentbatch_changelist",
    ),
    AdminPage("metrics_fileimport_changelist", ROLES),
    AdminPage("metrics_fileimport_change", ROLES, via="metrics_fileimport_changelist"),
    AdminPage("metrics_settlement_changelist", ROLES),
    AdminPage("metrics_settlement_change", ROLES, via="metrics_settlement_changelist"),
    AdminPage("metrics_cardentry_changelist", ROLES),
    AdminPage("metrics_cardentry_change", ROLES, via="metrics_cardentry_changelist"),
    AdminPage("aijobs_clue_runs", ROLES, via="metrics_member_change"),
    AdminPage("aijobs_clue_run", ROLES, via="aijobs_clue_runs"),
    AdminPage("aijobs_triggerjob_changelist", ROLES),
    AdminPage("aijobs_triggerjob_change", ROLES, via="aijobs_triggerjob_changelist"),
    AdminPage("aijobs_run_changelist", OVERSIGHT),
    AdminPage("aijobs_run_change", OVERSIGHT, via="aijobs_run_changelist"),
    AdminPage("aijobs_prewarm", OVERSIGHT),
    AdminPage("aijobs_alert_changelist", ROLES),
    AdminPage("aijobs_killswitch_changelist", ROLES),
    AdminPage("aijobs_killswitch_change", ROLES, via="aijobs_killswitch_changelist"),
    AdminPage("aijobs_killswitch_add", OPERATOR),
    AdminPage("aijobs_prompt_changelist", OVERSIGHT),
    AdminPage("aijobs_prompt_change", OVERSIGHT, via="aijobs_prompt_changelist"),
    AdminPage("aijobs_prompt_add", OPERATOR),
    AdminPage("sandbox_site_changelist", ROLES),
    AdminPage("sandbox_site_change", ROLES, via="sandbox_site_changelist"),
    AdminPage("sandbox_sitegrant_changelist", OVERSIGHT),
    AdminPage("sandbox_sitegrant_change", OVERSIGHT, via="sandbox_sitegrant_changelist"),
    AdminPage("sandbox_sitegrant_delete", OPERATOR, via="sandbox_sitegrant_change"),
    AdminPage("sandbox_sitegrant_add", OPERATOR),
    AdminPage("sandbox_apikey_changelist", OVERSIGHT),
    AdminPage("sandbox_apikey_change", OVERSIGHT, via="sandbox_apikey_changelist"),
    AdminPage("sandbox_apikey_add", OPERATOR),
    AdminPage("sandbox_option_changelist", OVERSIGHT),
    AdminPage("sandbox_option_add", OPERATOR),
    AdminPage("sandbox_auditentry_changelist", OVERSIGHT),
    AdminPage("sandbox_auditentry_change", OVERSIGHT, via="sandbox_auditentry_changelist"),
    AdminPage("auth_user_changelist", OPERATOR),
    AdminPage("auth_user_change", OPERATOR, via="auth_user_changelist"),
    AdminPage("auth_user_password_change", SUPERUSER, via="auth_user_change"),
    AdminPage("auth_user_delete", SUPERUSER, via="auth_user_change"),
    AdminPage("auth_user_add", SUPERUSER),
    AdminPage("auth_group_changelist", OPERATOR),
    AdminPage("auth_group_change", OPERATOR, via="auth_group_changelist"),
    AdminPage("change_context", ROLES),
    AdminPage("password_change", ROLES),
    AdminPage("password_change_done", ROLES),
]

_PAGES_BY_NAME = {page.name: page for page in PAGES}

# Addresses of the admin that are no pages: what open pages fetch, files, and deeds, by POST only.
PARTS = {
    "aijobs_bell",
    "aijobs_clues",
    "aijobs_evidence",
    "aijobs_insight",
    "aijobs_progress",
    "autocomplete",
    "calls",
    "context",
    "jsi18n",
    "search",
}
FILES = {
    "metrics_assistant_export",
    "metrics_assistant_pay",
    "metrics_import_rejects",
    "metrics_import_template",
    "metrics_members_export",
    "metrics_pay_template",
}
DEEDS = {
    "aijobs_acknowledge",
    "aijobs_acknowledge_up_to",
    "aijobs_add_clue",
    "aijobs_cancel_job",
    "aijobs_edit_clue",
    "aijobs_judge_again",
    "aijobs_judge_clue",
    "aijobs_judge_part",
    "aijobs_rerun_job",
    "aijobs_retry_job",
    "aijobs_run_app",
    "aijobs_start_prewarm",
    "aijobs_withdraw_clue",
    "assign_recall",
    "change_store",
    "logout",
    "metrics_cancel_task",
    "metrics_complete_task",
    "metrics_import_start",
    "metrics_import_upload",
    "metrics_member_consent",
    "metrics_member_contact",
    "metrics_member_note",
    "metrics_member_phone",
    "metrics_members_assign",
    "metrics_pay_apply",
    "metrics_pay_undo",
    "metrics_pay_upload",
    "metrics_recalls",
    "note_contacted",
    "spare_member",
}


def addresses(read: Callable[[str], str]) -> dict[str, str]:
    """Where each page is. `read`: the HTML at an address."""
    once = cache(read)
    return {page.name: address_of(page.name, once) for page in PAGES}


def address_of(name: str, read: Callable[[str], str]) -> str:
    """Where a page is; one about one thing by the first link that leads there.

    Raises:
        LookupError: there is nothing to have a page about.
    """
    via = _PAGES_BY_NAME[name].via
    if not via:
        return reverse(f"admin:{name}")
    start = address_of(via, read)
    for link in re.findall(r'href="([^"#]+)"', read(start)):
        address = urljoin(start, unescape(link))
        try:
            if resolve(urlsplit(address).path).url_name == name:
                return address
        except Resolver404:
            continue  # static files
    raise LookupError(f"no link of {via} leads to {name}")


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
