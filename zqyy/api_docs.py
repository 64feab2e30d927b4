"""The schema of the API, and a page that reads it aloud: no scripts, nothing from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView

from sandbox.middleware import outside_context

METHODS = ("get", "post", "put", "patch", "delete")

schema = outside_context(SpectacularAPIView.as_view())


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the page shows it."""

    method: str
    path: str
    text: str
    parameters: list[dict[str, Any]]
    body: str
    answers: list[tuple[str, str]]

    @classmethod
    def read(cls, method: str, path: str, declared: dict[str, Any]) -> Operation:
        return cls(
            method=method.upper(),
            path=path,
            text=declared.get("description", ""),
            parameters=declared.get("parameters", []),
            body=_schema_name(declared.get("requestBody", {})),
            answers=[
                (status, _schema_name(answer)) for status, answer in declared["responses"].items()
            ],
        )


@outside_context
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation with its parameters and shapes, from the schema itself."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    declared = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    sections: dict[str, list[Operation]] = {}
    for path, item in declared["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                section = sections.setdefault(operation["tags"][0], [])
                section.append(Operation.read(method, path, operation))
    context = {
        "sections": sections,
        "shapes": {
            name: shape.get("properties", {})
            for name, shape in declared["components"]["schemas"].items()
        },
    }
    return render(request, "api/docs.html", context)


def _schema_name(content: dict[str, Any]) -> str:
    """The shape that a body or answer refers to, `[Shape]` for a list of them."""
    for media in content.get("content", {}).values():
        shape = media.get("schema", {})
        if "items" in shape:
            return f"[{_last(shape['items'])}]"
        return _last(shape)
    return ""


def _last(shape: dict[str, Any]) -> str:
    return str(shape.get("$ref", shape.get("type", ""))).rpartition("/")[2]
