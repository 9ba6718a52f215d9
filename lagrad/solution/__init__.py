"""Outcome: what a solve gives back, as plain data."""
