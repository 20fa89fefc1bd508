"""Questions about side effects."""
