"""Renderers: a document in, one file format out."""
