"""A model card as a page: one HTML file that needs nothing else, with its reliability diagrams drawn."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from seasift.core.image import svg_uri
from seasift.core.page import render_template
from seasift.evaluation.plots import reliability

_SCORE, _RIGHT, _COUNT = "mean score", "right at IoU .50", "detections"


def render_page(card: str) -> str:
    """The page of a card in Markdown; HTML in the card is shown as text."""
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = re.sub(r"<table>.*?</table>", _table, parser.render(card), flags=re.DOTALL)
    title = re.search(r"^# (.+)$", card, re.MULTILINE)
    name = title.group(1) if title else "Model card"
    return render_template("export", "card.html", {}, title=name, body=Markup(body))


def _table(found: re.Match[str]) -> str:
    """A table that may be wider than the page; a reliability table gets its diagram, a confusion matrix its shades."""
    text = found.group(0)
    rows = [["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(text).iter("tr")]
    head, body = rows[0], rows[1:]
    diagram = ""
    if {_SCORE, _RIGHT, _COUNT} <= set(head):
        columns = [head.index(name) for name in (_SCORE, _RIGHT, _COUNT)]
        values = [[float(row[column].replace(",", "")) for column in columns] for row in body]
        svg = svg_uri(
            reliability([dict(zip(("score", "right", "count"), row, strict=True)) for row in values])
        )
        words = "Share of right detections by score; on the line a score means what it says"
        diagram = (
            f'<figure><img width="330" src="{svg}" alt="{words}"><figcaption>{words}.</figcaption></figure>'
        )
    kind = ' class="matrix"' if head[0] == "was, found as" else ""
    return f'{diagram}<div class="wide">{text.replace("<table>", f"<table{kind}>", 1)}</div>'
