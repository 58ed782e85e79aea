"""A model card as a page: one HTML file that needs nothing else, with its reliability diagrams drawn."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from seasift.core.image import svg_uri

_SCORE, _RIGHT, _COUNT = "mean score", "right at IoU .50", "detections"
_SIDE, _EDGE = 240, 34


def render_page(card: str) -> str:
    """The page of a card in Markdown; HTML in the card is shown as text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = re.sub(r"<table>.*?</table>", _table, parser.render(card), flags=re.DOTALL)
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


def _table(found: re.Match[str]) -> str:
    """A table that may be wider than the page; a reliability table gets its diagram, a confusion matrix its shades."""
    text = found.group(0)
    rows = [["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(text).iter("tr")]
    head, body = rows[0], rows[1:]
    diagram = ""
    if {_SCORE, _RIGHT, _COUNT} <= set(head):
        columns = [head.index(name) for name in (_SCORE, _RIGHT, _COUNT)]
        values = [[float(row[column].replace(",", "")) for column in columns] for row in body]
        svg = svg_uri(reliability_svg([(score, right, int(count)) for score, right, count in values]))
        words = "Share of right detections by score; on the line a score means what it says"
        diagram = (
            f'<figure><img width="330" src="{svg}" alt="{words}"><figcaption>{words}.</figcaption></figure>'
        )
    kind = ' class="matrix"' if head[0] == "was, found as" else ""
    return f'{diagram}<div class="wide">{text.replace("<table>", f"<table{kind}>", 1)}</div>'
