"""A field that no endpoint takes is an error: a mistyped `treshold` would be left out without a word."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import HTTPException, Request
from fastapi.dependencies.models import Dependant

from seasift.core.errors import expected


async def only_known_fields(request: Request) -> None:
    """Dependency of a router: refuse fields of the form and of the address that its endpoint does not name.

    Raises:
        HTTPException: 422, which names the field and the nearest known one.
    """
    dependant: Dependant = request.scope["route"].dependant
    _check(request.query_params, [param.alias for param in dependant.query_params], "the address")
    if request.method == "POST":
        _check(await request.form(), [param.alias for param in dependant.body_params], "the form")


def _check(given: Iterable[str], known: list[str], where: str) -> None:
    for name in given:
        if name not in known:
            shown = "".join(c if c.isprintable() else "_" for c in name[:50])
            what = expected(name[:50], known)
            raise HTTPException(
                422, f"{shown}: no such field in {where}; {what}{'' if what.endswith('?') else '.'}"
            )
