"""Databases and servers, each tried against a real one or a small local one that speaks its API."""
