"""A model card as a page: one HTML file that needs nothing else, with its reliability diagrams drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from seasift.core.image import svg_uri

if TYPE_CHECKING:
    from markdown_it.token import Token

_SCORE, _RIGHT, _COUNT = "mean score", "right at IoU .50", "detections"
_SIDE, _EDGE = 240, 34


def render_page(card: str) -> str:
    """The page of a card in Markdown; HTML in the card is shown as text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    body = parser.render(card)
    title = re.search(r"^# (.+)$", card, re.MULTILINE)
    environment = Environment(
        loader=PackageLoader("seasift.export"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("card.html").render(
        title=title.group(1) if title else "Model card", body=Markup(body)
    )


def reliability_svg(bins: list[tuple[float, float, int]]) -> str:
    """The diagram: share of right detections (up) by score (across), larger where there are more detections.

    Args:
        bins: mean score, share that is right, detections.
    """

    def at(score: float, right: float) -> tuple[float, float]:
        return _EDGE + score * _SIDE, 8 + (1 - right) * _SIDE

    most = max((count for _, _, count in bins), default=1)
    (left, low), (far, high) = at(0, 0), at(1, 1)
    parts = [
        f'<rect x="{left}" y="{high}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#dfe4e7"/>',
        f'<line x1="{left}" y1="{low}" x2="{far}" y2="{high}" stroke="#9aa7b0"/>',
        *(
            f'<text x="{at(tick, 0)[0]}" y="{low + 14}" text-anchor="middle">{tick:g}</text>'
            f'<text x="{left - 5}" y="{at(0, tick)[1] + 4}" text-anchor="end">{tick:g}</text>'
            for tick in (0, 0.5, 1)
        ),
        f'<text x="{left + _SIDE / 2}" y="{low + 28}" text-anchor="middle">score</text>',
    ]
    indices = [at(score, right) for score, right, _ in bins]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in indices)
    parts.append(f'<polyline points="{points}" fill="none" stroke="#0b6e99" stroke-width="1.5"/>')
    for (x, y), (_, _, count) in zip(indices, bins, strict=True):
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 5 * (count / most) ** 0.5:.1f}" fill="#0b6e99"/>'
        )
    size = f"{_SIDE + _EDGE + 12} {_SIDE + 42}"
    style = 'font-family="sans-serif" font-size="11" fill="#5b6b76"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" {style}>{"".join(parts)}</svg>'


def _open_table(_renderer: object, tokens: Sequence[Token], start: int, *_: object) -> str:
    """What stands before a table's rows: the diagram of a reliability table, and a frame that scrolls sideways."""
    rows: list[list[str]] = []
    for token in takewhile(lambda token: token.type != "table_close", tokens[start:]):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(token.content)
    head, body = rows[0], rows[1:]
    kind = ' class="matrix"' if head[0] == "was, found as" else ""
    return f'{_diagram(head, body)}<div class="wide"><table{kind}>\n'


def _diagram(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """The reliability diagram of a table that has its columns; nothing for another table."""
    if not {_SCORE, _RIGHT, _COUNT} <= set(head):
        return ""
    columns = [head.index(name) for name in (_SCORE, _RIGHT, _COUNT)]
    values = [[float(row[column].replace(",", "")) for column in columns] for row in body]
    svg = svg_uri(reliability_svg([(score, right, int(count)) for score, right, count in values]))
    words = "Share of right detections by score; on the line a score is a probability"
    return f'<figure><img width="330" src="{svg}" alt="{words}"><figcaption>{words}.</figcaption></figure>'
