"""Trace: a Problem becomes numbered equations of flat f and c."""
