"""Formats that other tools read and write, one file each. Everything goes through `document`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seasift._lazy import lazy

if TYPE_CHECKING:
    from seasift.formats.document import Document as Document
    from seasift.formats.exchange.convert import Report as Report
    from seasift.formats.exchange.convert import convert as convert
    from seasift.formats.tracks import TracksDocument as TracksDocument
    from seasift.formats.validation import problems as problems

__all__ = ["Document", "Report", "TracksDocument", "convert", "problems"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Document": "seasift.formats.document:Document",
        "Report": "seasift.formats.exchange.convert:Report",
        "TracksDocument": "seasift.formats.tracks:TracksDocument",
        "convert": "seasift.formats.exchange.convert:convert",
        "problems": "seasift.formats.validation:problems",
    },
)
