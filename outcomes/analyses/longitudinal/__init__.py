"""Questions about repeated follow-up."""
