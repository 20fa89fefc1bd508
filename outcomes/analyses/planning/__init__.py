"""Questions asked before a study: power, sample size, precision."""
