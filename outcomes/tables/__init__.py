"""Results in, formatted tables out."""

from outcomes.tables.question_list import questions
from outcomes.tables.results_table import Table, frame_table, table

__all__ = ["Table", "frame_table", "questions", "table"]
