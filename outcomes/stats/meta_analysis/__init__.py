"""Pooling sites or studies."""
