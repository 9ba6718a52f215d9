"""Compare lagrad with its peers on the same problems: one script a question."""
