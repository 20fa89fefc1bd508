"""How well a score measures: reliability, agreement, internal consistency."""
