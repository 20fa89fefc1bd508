"""What the first study file proposes: parts of `draft`, one topic each."""
