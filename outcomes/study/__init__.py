"""A study: data and roles (`Study`), what was planned (`Protocol`), how it was read
(`ReadingRecord`).
"""

from outcomes.study.codes import GROUPS, KEYS, Codes
from outcomes.study.pairs import Pairs
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.protocol import CONTROLLED, DESIGNS, Protocol
from outcomes.study.record import Issue, ReadingRecord
from outcomes.study.scored import InstrumentUse
from outcomes.study.study import Study

__all__ = [
    "CONTROLLED",
    "DESIGNS",
    "GROUPS",
    "KEYS",
    "Codes",
    "InstrumentUse",
    "Issue",
    "Pairs",
    "PartitionedStudy",
    "Protocol",
    "ReadingRecord",
    "Study",
]
