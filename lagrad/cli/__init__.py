"""The command line."""

from lagrad.cli.commands import main

__all__ = ["main"]
