"""Questions answered by a regression: adjusted comparisons of groups."""
