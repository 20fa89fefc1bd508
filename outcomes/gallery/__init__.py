"""Every question asked of the invented sample: its code, its sentence, its table and its pictures.

The site and the command `outcomes gallery` are made from the same examples.
"""

from outcomes.gallery.made import Example, examples, sample_folder
from outcomes.gallery.page import page

__all__ = ["Example", "examples", "page", "sample_folder"]
