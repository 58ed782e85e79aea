"""A model card as a page: one HTML file that needs nothing else, with its reliability diagrams drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from seasift.core.image import svg_uri
from seasift.core.page import render_template
from seasift.evaluation.plots import reliability

if TYPE_CHECKING:
    from markdown_it.token import Token

_SCORE, _RIGHT, _COUNT = "mean score", "right at IoU .50", "detections"


def render_page(card: str) -> str:
    """The page of a card in Markdown; HTML in the card is shown as text."""
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    body = parser.render(card)
    title = re.search(r"^# (.+)$", card, re.MULTILINE)
    name = title.group(1) if title else "Model card"
    return render_template("export", "card.html", {}, title=name, body=Markup(body))


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
    names = ("score", "right", "count")
    svg = svg_uri(reliability([dict(zip(names, row, strict=True)) for row in values]))
    words = "Share of right detections by score; on the line a score is a probability"
    return f'<figure><img width="330" src="{svg}" alt="{words}"><figcaption>{words}.</figcaption></figure>'
