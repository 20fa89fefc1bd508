"""Databases and servers asked for their rows; what they gave is read as a file is."""
