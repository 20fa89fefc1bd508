"""Questions about the same patients before and after."""
