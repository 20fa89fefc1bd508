"""The shape of a table: wide or long, and which row belongs to which visit."""
