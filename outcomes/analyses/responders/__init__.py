"""Questions about how many patients improved."""
