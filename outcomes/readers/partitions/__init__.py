"""Files that are never in memory as a whole: divided by patient, and read part by part."""
