"""Mixed models by REML and ML, with small-sample inference."""
