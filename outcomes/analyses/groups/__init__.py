"""Questions about groups of patients side by side."""
