"""Patient-reported outcomes in pain care."""
