"""Pages of the site that are made from the code, the notebooks and the sample."""
