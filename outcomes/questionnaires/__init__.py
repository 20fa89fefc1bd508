"""What a score means, and how answers become one: instruments as data, one vocabulary of rules,
recognition, examples.
"""

from outcomes.questionnaires.aliases import Recognised, ready_totals, recognise
from outcomes.questionnaires.examples import other_origin, run_examples, suspicions
from outcomes.questionnaires.model import (
    Band,
    Flag,
    Instrument,
    Item,
    Option,
    Reliability,
    Rule,
    Score,
    Scored,
    Table,
    Threshold,
    instrument,
    instruments,
    load_instrument,
    shipped,
)

__all__ = [
    "Band",
    "Flag",
    "Instrument",
    "Item",
    "Option",
    "Recognised",
    "Reliability",
    "Rule",
    "Score",
    "Scored",
    "Table",
    "Threshold",
    "instrument",
    "instruments",
    "load_instrument",
    "other_origin",
    "ready_totals",
    "recognise",
    "run_examples",
    "shipped",
    "suspicions",
]
