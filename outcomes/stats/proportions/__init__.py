"""Proportions, tables of counts, and rates."""
