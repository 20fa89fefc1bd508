"""Missing scores: patterns, imputation, reference-based imputation."""
