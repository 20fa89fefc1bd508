"""Questions of crossover trials and N-of-1 series."""
