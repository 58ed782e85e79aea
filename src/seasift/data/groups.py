"""The group of each image, such as its video, by its file name."""

from __future__ import annotations

import re
from collections.abc import Collection

from seasift.core.errors import DatasetError


def groups_of(file_names: Collection[str], group: str | None) -> dict[str, str]:
    """The group of each image.

    Args:
        file_names: of the images.
        group: regular expression; its first bracket, or all that it finds, is the group. None: every image
            is a group of its own.
    Raises:
        DatasetError: no regular expression, or a name without a group.
    """
    if group is None:
        return {name: name for name in file_names}
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise DatasetError(
            f"group {group!r}: not a regular expression ({error}); expected one such as 'vid_(\\d+)_frame'"
        ) from None
    found = {name: pattern.search(name) for name in file_names}
    without = [name for name, match in found.items() if not match or match.groups() == (None,)]
    if without:
        raise DatasetError(
            f"group {group!r}: {len(without)} of {len(found)} file names have none, first {without[0]}; expected one in "
            "each. Give another --group"
        )
    return {name: match.group(1 if pattern.groups else 0) or "" for name, match in found.items() if match}
