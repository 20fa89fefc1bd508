"""Questions about several sites."""
