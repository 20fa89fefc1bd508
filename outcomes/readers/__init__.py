"""Files in, Study out: every cell as text with its address, parsed by a declared type, nothing lost in silence."""
