"""Hold values and matrices against the functions they belong to; see the README of the folder above."""
