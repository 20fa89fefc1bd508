"""File formats: a file in, a table of text with addresses out."""
