"""Two or more independent groups: means and ranks."""
