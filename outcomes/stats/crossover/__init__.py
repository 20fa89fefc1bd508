"""Crossover trials and N-of-1 series."""
