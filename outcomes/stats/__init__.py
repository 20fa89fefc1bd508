"""Arrays in, numbers out: the kernels. No Study, no pandas, no plots."""
