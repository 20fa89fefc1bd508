"""Attacks on the command line: damaged files, killed runs, files that are not files."""
