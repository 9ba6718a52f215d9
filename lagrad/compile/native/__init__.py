"""Machine code for element loops: programs of elementwise equations in, a callable on whole arrays out."""
