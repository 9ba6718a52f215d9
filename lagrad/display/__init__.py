"""Show: tables, pictures of patterns and lines for terminals and notebooks."""
