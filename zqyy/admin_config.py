"""Makes our admin site the one that @admin.register registers with."""

from django.contrib.admin.apps import AdminConfig


class ZqyyAdminConfig(AdminConfig):
    default_site = "zqyy.admin_site.ZqyyAdminSite"
