"""What a score means, and how answers become one: instruments as data, one vocabulary of rules, recognition, examples."""

from outcomes.scoring.examples import run_examples, suspicions
from outcomes.scoring.model import (
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
from outcomes.scoring.names import Recognised, recognise

__all__ = [
    "Band", "Flag", "Instrument", "Item", "Option", "Recognised", "Reliability", "Rule", "Score", "Scored", "Table", "Threshold",
    "instrument", "instruments", "load_instrument", "recognise", "run_examples", "shipped", "suspicions",
]  # fmt: skip
