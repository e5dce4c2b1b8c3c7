"""The API's description as values for a page, made from its OpenAPI schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """A parameter, or a field."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What can be asked."""

    method: str
    path: str
    description: str
    parameters: tuple[Detail, ...]
    #: The shapes of what is sent and of what comes back; empty if there is none.
    sent: str
    answered: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An object, as it is sent or answered, or a closed set of words."""

    name: str
    description: str
    words: str
    fields: tuple[Detail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPage:
    """The whole of it."""

    base: str
    operations: tuple[Operation, ...]
    shapes: tuple[Shape, ...]

    @property
    def names(self) -> frozenset[str]:
        """Of the shapes."""
        return frozenset(shape.name for shape in self.shapes)


def sections(schema: Schema) -> ApiPage:
    """What the page shows."""
    return ApiPage(
        base=schema["servers"][0]["url"],
        operations=tuple(_operations(schema["paths"])),
        shapes=tuple(
            Shape(
                name=name,
                description=shape.get("description", ""),
                words=kind(shape) if "enum" in shape else "",
                fields=tuple(_fields(shape)),
            )
            for name, shape in sorted(schema["components"]["schemas"].items())
        ),
    )


def _operations(paths: Schema) -> Iterator[Operation]:
    for path, methods in paths.items():
        for method, one in methods.items():
            done = next(answer for status, answer in one["responses"].items() if status.startswith("2"))
            yield Operation(
                method=method.upper(),
                path=path,
                description=one.get("description", ""),
                parameters=tuple(_parameter(each) for each in one.get("parameters", ())),
                sent=_content(one.get("requestBody", {})),
                answered=_content(done),
            )


def _parameter(one: Schema) -> Detail:
    schema = one["schema"]
    described = one.get("description") or schema.get("description", "")
    return Detail(
        name=one["name"], kind=kind(schema), required=one.get("required", False), description=described
    )


def _fields(shape: Schema) -> Iterator[Detail]:
    required = shape.get("required", ())
    for name, schema in shape.get("properties", {}).items():
        yield Detail(
            name=name, kind=kind(schema), required=name in required, description=schema.get("description", "")
        )


def _content(holder: Schema) -> str:
    return next((kind(one["schema"]) for one in holder.get("content", {}).values()), "")


def kind(schema: Schema) -> str:
    """A value's type in a few words: `list of Interest`, `string (date-time) or null`."""
    match schema:
        case {"$ref": str(name)}:
            return name.rpartition("/")[2]
        case {"enum": list(words)}:
            return " | ".join(map(str, words))
        case {"anyOf": list(ways)}:
            return " or ".join(map(kind, ways))
        case {"type": "array", "items": items}:
            return f"list of {kind(items)}"
        case {"type": str(name), "format": str(form)}:
            return f"{name} ({form})"
        case {"type": str(name)}:
            return name
        case _:
            return "anything"
