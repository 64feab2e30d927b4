"""Every route of the API, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from sandbox import api as sandbox_api

urlpatterns: list[URLPattern | URLResolver] = [
    # --- Signing in
    path("auth/token/", sandbox_api.TokenView.as_view()),
    path("auth/refresh/", sandbox_api.RefreshView.as_view()),
    path("auth/logout/", sandbox_api.LogoutView.as_view()),
    # --- Who and where
    path("me/", sandbox_api.MeView.as_view()),
    path("sites/", sandbox_api.SiteListView.as_view()),
    path("sites/<int:site>/", sandbox_api.SiteView.as_view()),
    path("sites/<int:site>/runtime-context/", sandbox_api.RuntimeContextView.as_view()),
]
