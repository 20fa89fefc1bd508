"""What is wrong with the layout of a figure: words or marks that are cut, words that overlap."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.text import Text


def all_texts(figure: Any) -> list[Text]:
    """The words that are drawn: no empty ones, and no ticks beyond the ends of their axis."""
    out = []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and text.get_window_extent().width > 0:
            out.append(text)
    for ax in figure.axes:
        for axis, ends in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            hidden = {id(t.label2) for t in axis.get_major_ticks()}
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                inside = min(ends) - 1e-9 <= tick.get_loc() <= max(ends) + 1e-9
                if not inside or not tick.label1.get_visible() or not ax.axison:
                    hidden.add(id(tick.label1))
            out = [t for t in out if id(t) not in hidden and t is not axis.get_offset_text()]
    return out


def corners(text: Text) -> np.ndarray:
    """The four corners of the words themselves, turned as they are."""
    angle = text.get_rotation()
    box = text.get_window_extent()
    if angle % 90 == 0:
        return np.array([[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]])
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    c, s = abs(c), abs(s)
    wide = (box.width * c - box.height * s) / (c * c - s * s)
    high = (box.height * c - box.width * s) / (c * c - s * s)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([wide, high]) / 2
    turn = np.radians(angle)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
    return half @ matrix + middle


def overlap(a: np.ndarray, b: np.ndarray, slack: float = 2.0) -> bool:
    """Whether two turned boxes overlap by more than a hair: no axis of either separates them."""
    for box in (a, b):
        for i in (0, 1):
            axis = box[i + 1] - box[i]
            length = float(np.hypot(*axis)) or 1.0
            x, y = a @ axis / length, b @ axis / length
            if x.max() <= y.min() + slack or y.max() <= x.min() + slack:
                return False
    return True


def faults(figure: Any, slack: float = 1.5) -> list[str]:
    """Words and axes that leave the figure, and pairs of words that overlap."""
    figure.draw_without_rendering()
    page, found = figure.bbox, []
    texts = all_texts(figure)
    boxes = [corners(t) for t in texts]
    for t, b in zip(texts, boxes, strict=True):
        low, high = b.min(axis=0), b.max(axis=0)
        if (low < np.array([page.x0, page.y0]) - slack).any() or (
            high > np.array([page.x1, page.y1]) + slack
        ).any():
            found.append(f"cut: {t.get_text()!r} {np.round([*low, *high])} in {page.extents}")
    for ax in figure.axes:
        b = ax.get_tightbbox()
        if b is not None and ax.get_visible():
            outside = max(page.x0 - b.x0, b.x1 - page.x1, page.y0 - b.y0, b.y1 - page.y1)
            if outside > slack + 1:
                found.append(f"axes leave the figure by {outside:.0f} pixels")
            if min(ax.bbox.width, ax.bbox.height) < 6 and ax.axison:
                found.append(f"axes of {ax.bbox.width:.0f} by {ax.bbox.height:.0f} pixels")
    for (t, a), (u, b) in itertools.combinations(zip(texts, boxes, strict=True), 2):
        if overlap(a, b):
            found.append(f"overlap: {t.get_text()!r} and {u.get_text()!r}")
    return found
