"""Files in, Study out: every cell as text with its address, parsed by a declared type, nothing lost
in silence.
"""

from outcomes.readers.partitions.reading import read_parts
from outcomes.readers.studyfile import read_study
from outcomes.readers.tabular import read_table

__all__ = ["read_parts", "read_study", "read_table"]
