"""Regression: linear, logistic, ordinal, marginal, with clustered rows."""
