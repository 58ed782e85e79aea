"""The one Jinja environment of all HTML pages. Jinja is loaded when a page is written, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render_template(room: str, name: str, filters: Mapping[str, Callable[..., Any]], **values: Any) -> str:
    """Fill a template of a room's folder `templates`.

    Values are escaped, unless they are `markupsafe.Markup`; a missing value is an error.

    Args:
        room: such as "survey".
        name: name of the template file.
        filters: functions that this template calls by name.
        values: values for the template.
    """
    environment = _environment().overlay()
    environment.filters = {**environment.filters, **filters}
    return environment.get_template(f"{room}/{name}").render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=0,
    )


def _source(path: str) -> str:
    from importlib.resources import files

    room, name = path.split("/")
    return (files("seasift") / room / "templates" / name).read_text(encoding="utf-8")
