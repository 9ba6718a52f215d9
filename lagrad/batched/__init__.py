"""Solve a problem for many params and starts at once, as one pure JAX function; see `batched.py`."""
