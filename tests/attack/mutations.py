"""What a stranger may write into a document: values of every wrong kind, in any place, and broken bytes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

DEEP = 20_000
_LIST, _OBJECT = "@deep list@", "@deep object@"
"""What `dumps` replaces by values that are nested deeper than Python recurses."""


WRONG: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 3, 7, 0.5, -0.5, 1e-320, 1e308, -1e308, 1e16),
    *(2**31, 2**63, -(2**63), 2**64, 10**400, float("nan"), float("inf"), float("-inf")),
    *("", "0", "-1", "nan", "inf", "9" * 5000, "\ud800", "a\0b", "\u202e", "../x", "/etc/passwd", "x" * 3000),
    *("=1+1", "1e999", "2024-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    *([], {}, [[]], [1, 2, 3], [1, 2, 3, 4, 5], [0, 0, -5, -5], [1e9] * 4, [float("nan")] * 6, [None] * 4),
    *({"size": [10**9, 10**9], "counts": "1"}, {"size": [400, 640], "counts": [10**9]}),
    *(
        {"size": [400, 640], "counts": "PPPPPPPPPPPP"},
        {"size": [-1, 5], "counts": ""},
        {"size": [10**9, 10**9]},
    ),
    *([[10**9, 0, 0, 10**9, -(10**9), 5]], [[0, 0, 1]], [[0, 0, 1, 1, 2]], [10**9, 10**9], "\ud83d" * 40),
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each (container, key) of a document."""
    if isinstance(value, dict | list):
        for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from places(inner)


def mutate_value(value: Any, chance: random.Random) -> Any:
    """A document of JSON with some values replaced, removed, doubled or moved. The argument is changed."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        found = list(places(value))
        if not found:
            return copy.deepcopy(chance.choice(WRONG))
        container, key = chance.choice(found)
        kind = chance.randrange(10)
        if kind == 0:
            del container[key]
        elif kind == 1:
            other, other_key = chance.choice(found)
            container[key] = json.loads(json.dumps(other[other_key]))
        elif kind == 2 and isinstance(container, list):
            container.append(json.loads(json.dumps(container[key])))
        elif kind == 3 and isinstance(container, dict):
            container[str(chance.choice(WRONG))[:50]] = container.pop(key)
        elif kind == 4 and chance.random() < 0.2:
            container[key] = chance.choice((_LIST, _OBJECT))
        else:
            container[key] = copy.deepcopy(chance.choice(WRONG))
    return value


def dumps(value: Any) -> bytes:
    """JSON of any value."""
    text = json.dumps(value)
    text = text.replace(f'"{_LIST}"', "[" * DEEP + "]" * DEEP)
    text = text.replace(f'"{_OBJECT}"', '{"a":' * DEEP + "1" + "}" * DEEP)
    return text.encode("utf-8", "surrogatepass")


TOKENS = [
    *(
        b"",
        b"0",
        b"-1",
        b"1e999",
        b"nan",
        b"9" * 500,
        b"\xff\xfe",
        b"\0",
        b'"',
        b",",
        b"\n",
        b"<",
        b"&a;",
        b"[" * 500,
    ),
    *(
        b"=cmd",
        b"'",
        b"\\ud800",
        b"]]>",
        b"<!DOCTYPE a [<!ENTITY a 'x'>]>",
        b"&lol;",
        b"!!python/name:os.system ",
        b"*a",
    ),
    *(
        b"1000000000",
        b"-1000000000",
        b"0.0000001",
        b"2024-13-45",
        b"null",
        b"{}",
        b"[]",
        b"true",
        b"\xc3\xa9",
        b"#",
    ),
]


def mutate_bytes(data: bytes, chance: random.Random) -> bytes:
    """Text with some words replaced, cut or repeated."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        start = chance.randrange(len(out) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            del out[start : start + chance.choice((1, 5, 50, 100_000))]
        elif kind == 1:
            out[start:start] = chance.choice(TOKENS)
        elif kind == 2:
            out[start : start + chance.randrange(20)] = chance.choice(TOKENS)
        elif kind == 3:
            out[start:start] = out[start : start + chance.randrange(300)]
        else:
            out[start : start + 1] = bytes([chance.randrange(256)])
    return bytes(out)
