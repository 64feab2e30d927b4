from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from zqyy.health import healthz, readyz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("admin/", admin.site.urls),
]
