"""How the numbers of each family of methods are found with our kernels: one family a file."""
