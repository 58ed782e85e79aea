"""The API's description as one plain page that works without a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid #8888;padding:.5rem 0}
code{font-family:ui-monospace,monospace}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;vertical-align:top}
"""


def api_page(description: dict[str, Any]) -> str:
    """HTML of an OpenAPI document: every endpoint, what it takes and what it answers."""
    info = description["info"]
    sections = [
        _section(method.upper(), path, operation, description)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info.get('description', ''))}</p>"
        "<p>For programs: <a href=openapi.json>openapi.json</a></p>" + "".join(sections) + "</html>"
    )


def _section(method: str, path: str, operation: dict[str, Any], description: dict[str, Any]) -> str:
    takes = [
        (p["name"], p["in"], p.get("description", ""), _kind(p.get("schema", {})))
        for p in operation.get("parameters", [])
    ]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        fields = _resolve(content["schema"], description).get("properties", {})
        takes += [(name, media, s.get("description", ""), _kind(s)) for name, s in fields.items()]
    gives = [
        (status, _contents(answer.get("content", {})), answer.get("description", ""))
        for status, answer in operation["responses"].items()
    ]
    return (
        f"<section><h2><code>{method} {escape(path)}</code></h2><p>{escape(operation.get('description', ''))}</p>"
        + _table(("takes", "in", "", "type"), takes)
        + _table(("answers", "content", ""), gives)
        + "</section>"
    )


def _contents(content: dict[str, Any]) -> str:
    return "; ".join(f"{media}: {_kind(entry.get('schema', {}))}" for media, entry in content.items())


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    top = "".join(f"<th scope=col>{head}</th>" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _resolve(schema: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = description["components"]["schemas"][name] if name else schema
    return found


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words: `array of Label`, `number or null`, `json, coco`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("contentMediaType") or schema.get("type", ""))
