"""Which language a page is in: Chinese until somebody chooses otherwise."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from sandbox.middleware import API_PREFIX


class LanguageMiddleware(LocaleMiddleware):
    """Pages follow the choice kept in the cookie, else LANGUAGE_CODE, whatever the browser asks:
    a store's shared computer may be set to anything. The API follows Accept-Language.
    """

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith(API_PREFIX):
            super().process_request(request)
            return
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        try:
            language = translation.get_supported_language_variant(chosen)
        except LookupError:
            language = settings.LANGUAGE_CODE
        translation.activate(language)
        request.LANGUAGE_CODE = translation.get_language()
