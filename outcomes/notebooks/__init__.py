"""Notebooks written from one readable Markdown template a kind of study, for the sample data and
for a user's own file.
"""

from outcomes.notebooks.kinds import KINDS, Kind
from outcomes.notebooks.write import write_notebook

__all__ = ["KINDS", "Kind", "write_notebook"]
