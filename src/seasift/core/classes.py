"""Class names as a user gives them."""

from __future__ import annotations

from collections.abc import Sequence

from seasift.core.errors import BadInput
from seasift.core.spelling import hint


def parse_classes(given: Sequence[str], names: Sequence[str], *, option: str = "classes") -> list[str]:
    """Class names from values like ["rov,plant", "trash_net"]; a name with a comma may stand alone.

    Args:
        given: what the user wrote.
        names: the classes of the model.
        option: how the user knows it, for errors.
    Raises:
        BadInput: a name the model does not know, with the nearest it does; or no name at all.
    """
    wanted = []
    for value in given:
        wanted += [value] if value in names else [part.strip() for part in value.split(",") if part.strip()]
    for name in wanted:
        if name not in names:
            raise BadInput(f"{option} {name!r}{hint(name, names)}; the model knows {', '.join(names)}.")
    if given and not wanted:
        raise BadInput(f"{option} names nothing; the model knows {', '.join(names)}.")
    return list(dict.fromkeys(wanted))
