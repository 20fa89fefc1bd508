"""Our kernels beside R's numbers on this machine, from values that come with the package."""

from outcomes.validation.verdict import Line, Verdict, lines, page, selftest

__all__ = ["Line", "Verdict", "lines", "page", "selftest"]
