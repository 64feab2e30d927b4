"""Every route of the API, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from aijobs import alert_api, chat_api
from aijobs import api as aijobs_api
from aijobs.guards.api import OpeningStatusView
from metrics import api as metrics_api
from metrics.importers.kinds import KINDS
from sandbox import api as sandbox_api

SITE = "sites/<int:site>/"
MEMBER = f"{SITE}members/<int:member>/"
JOB = f"{SITE}jobs/<int:job>/"
INSIGHT = f"{SITE}insights/<slug:cache_type>/<slug:target>/"

urlpatterns: list[URLPattern | URLResolver] = [
    # --- Signing in
    path("auth/token/", sandbox_api.TokenView.as_view()),
    path("auth/refresh/", sandbox_api.RefreshView.as_view()),
    path("auth/logout/", sandbox_api.LogoutView.as_view()),
    # --- Who and where
    path("me/", sandbox_api.MeView.as_view()),
    path("sites/", sandbox_api.SiteListView.as_view()),
    path(SITE, sandbox_api.SiteView.as_view()),
    path(f"{SITE}runtime-context/", sandbox_api.RuntimeContextView.as_view()),
    # --- What is known about members
    path("metrics/", metrics_api.CatalogView.as_view()),
    path(f"{SITE}members/", metrics_api.MemberListView.as_view()),
    path(MEMBER, metrics_api.MemberView.as_view()),
    path(f"{MEMBER}metrics/", metrics_api.MemberMetricsView.as_view()),
    path(f"{MEMBER}notes/", metrics_api.NoteView.as_view()),
    path(f"{MEMBER}clues/", aijobs_api.ClueListView.as_view()),
    path(f"{SITE}clues/<int:clue>/feedback/", aijobs_api.ClueFeedbackView.as_view()),
    # --- What the AI says
    path(INSIGHT, aijobs_api.InsightView.as_view()),
    path(f"{INSIGHT}regenerate/", aijobs_api.RegenerateView.as_view()),
    path(f"{INSIGHT}feedback/", aijobs_api.InsightFeedbackView.as_view()),
    path("ai/opening-status/", OpeningStatusView.as_view()),
    path("chat/", chat_api.ChatView.as_view()),
    path("chat/<int:question>/", chat_api.QuestionView.as_view()),
    path(f"{SITE}jobs/", aijobs_api.JobListView.as_view()),
    path(JOB, aijobs_api.JobView.as_view()),
    path(f"{JOB}retry/", aijobs_api.JobRetryView.as_view()),
    path(f"{JOB}cancel/", aijobs_api.JobCancelView.as_view()),
    # --- What somebody must know
    path(f"{SITE}alerts/", alert_api.AlertListView.as_view()),
    path(f"{SITE}alerts/<int:alert>/ack/", alert_api.AlertAcknowledgementView.as_view()),
    # --- What the till tells
    *(
        path(f"{SITE}facts/{kind.name.replace('_', '-')}/", metrics_api.push_view(kind))
        for kind in KINDS.values()
    ),
    path(f"{SITE}events/", aijobs_api.EventView.as_view()),
]
