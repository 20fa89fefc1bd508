"""Single patients: reliable change, and how much change is meaningful."""
