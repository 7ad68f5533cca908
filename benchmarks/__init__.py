"""What waiting, submitting and importing cost, beside other providers on the same machine: ``python -m benchmarks``."""
