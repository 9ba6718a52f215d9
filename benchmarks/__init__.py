"""Benchmarks: the same problems in, a table of peers side by side out; one script per question."""
