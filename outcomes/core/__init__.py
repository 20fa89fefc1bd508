"""What a number means: estimates, results, the words for them, and the errors."""
