"""The sample site in Django: settings, URLs and views in one module."""

from collections.abc import Iterator
from pathlib import Path

import django
from django.conf import settings

settings.configure(
    DEBUG=False,
    SECRET_KEY="of a site without secrets",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
)
django.setup()

# Django's rule: nothing of these before the settings are there.
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import (  # noqa: E402
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path, reverse  # noqa: E402
from django.views.decorators.http import require_POST, require_safe  # noqa: E402

CLEANED: list[str] = []
SQUARES = Path(__file__).with_name("squares.csv")
PLAIN = "text/plain; charset=utf-8"


def text(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello from a WSGI application.\n", content_type=PLAIN)


def json(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"ok": True, "name": "café"})


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        try:
            for word in ("one", "two", "three"):
                yield word + "\n"
        finally:
            CLEANED.append("stream")

    return StreamingHttpResponse(lines(), content_type=PLAIN)


def upload(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body, content_type="application/octet-stream")


def download(request: HttpRequest) -> FileResponse:
    return FileResponse(SQUARES.open("rb"), content_type="text/csv")


def elsewhere(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("text"))


def cookies(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(request.COOKIES.get("fruit", "none") + "\n", content_type=PLAIN)
    response.set_cookie("fruit", "apple")
    response.set_cookie("colour", "red")
    return response


def cafe(request: HttpRequest) -> HttpResponse:
    return HttpResponse("café\n", content_type=PLAIN)


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


def error(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("as asked for")


def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST["name"] + "\n", content_type=PLAIN)


urlpatterns = [
    path("text", require_safe(text), name="text"),
    path("json", require_safe(json)),
    path("stream", require_safe(stream)),
    path("upload", require_POST(upload)),
    path("download", require_safe(download)),
    path("redirect", require_safe(elsewhere)),
    path("cookies", require_safe(cookies)),
    path("café", require_safe(cafe)),
    path("empty", require_safe(empty)),
    path("error", require_safe(error)),
    path("form", require_POST(form)),
]

app = get_wsgi_application()
