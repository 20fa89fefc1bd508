"""Results in, pictures out: they take `ax`, return `ax`, and compute nothing."""

from outcomes.plots import missing
from outcomes.plots.described import Described
from outcomes.plots.pictures import BLUE, GREY, INK, ORANGE, PICTURES, picture, plot, rows_height

__all__ = ["BLUE", "GREY", "INK", "ORANGE", "PICTURES", "Described", "missing", "picture", "plot", "rows_height"]
