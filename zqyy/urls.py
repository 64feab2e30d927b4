from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from zqyy import api_docs
from zqyy.error_pages import api_not_found
from zqyy.health import healthz, readyz

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("healthz", healthz),
    path("readyz", readyz),
    path("api/v1/", include("zqyy.api_urls")),
    path("api/schema/", api_docs.schema),
    path("api/docs/", api_docs.docs),
    # Also without a trailing slash: the API never redirects.
    re_path("^api/", api_not_found),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]

handler400 = "zqyy.error_pages.bad_request"
handler500 = "zqyy.error_pages.server_error"
