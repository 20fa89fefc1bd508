"""The same patients before and after: location, ranks, sizes of change, equivalence, repeated
visits.
"""
