"""Read YAML of strangers: aliases that multiply, and nesting beyond reason, are refused before anything is built."""

from __future__ import annotations

from typing import Any

import yaml

_MOST_NODES = 5_000_000
_MOST_DEPTH = 100
# libyaml if PyYAML has it: ten times as fast, and equally safe.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(text: str) -> Any:
    """The value of a YAML document of plain types.

    Raises:
        ValueError: not YAML, or it would become too large or too deep; one line.
    """
    try:
        _check(text)
        return yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def _check(text: str) -> None:
    """Count the nodes as if each alias were written out."""
    open_sizes, sizes = [0], dict[str, int]()
    anchors: list[str | None] = []
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            open_sizes.append(1)
            anchors.append(event.anchor)
            if len(anchors) > _MOST_DEPTH:
                raise ValueError(f"its values are nested in each other more than {_MOST_DEPTH} times")
        elif isinstance(event, yaml.CollectionEndEvent):
            size, anchor = open_sizes.pop(), anchors.pop()
            open_sizes[-1] += size
            if anchor:
                sizes[anchor] = size
        elif isinstance(event, yaml.AliasEvent):
            name = event.anchor or ""
            if name in anchors:
                raise ValueError(f"the alias {name[:40]!r} lies inside of what it stands for")
            open_sizes[-1] += sizes.get(name, 1)
        elif isinstance(event, yaml.ScalarEvent):
            open_sizes[-1] += 1
            if event.anchor:
                sizes[event.anchor] = 1
        if open_sizes[-1] > _MOST_NODES:
            raise ValueError(f"its aliases stand for more than {_MOST_NODES:,} values")
