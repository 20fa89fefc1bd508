"""What a number means: estimates, results, the words for them, and the errors."""

from outcomes.core import errors, wording

__all__ = ["errors", "wording"]
