"""One way to declare, read, check, explain and write settings (TOML), and one way to write
files.
"""
