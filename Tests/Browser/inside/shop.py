"""A Django site that serves `localhost` only, and takes a form with its token: shop.py PORT."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["localhost"], SECRET_KEY="of a test", ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware"])


def form(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return HttpResponse(f"<p>got {request.POST['word']}</p>")
    return HttpResponse(
        f"<form method=post><input type=hidden name=csrfmiddlewaretoken value={get_token(request)}>"
        "<input name=word value=apples><button>send</button></form>")


urlpatterns = [path("", form)]
execute_from_command_line([sys.argv[0], "runserver", "--noreload", sys.argv[1]])
