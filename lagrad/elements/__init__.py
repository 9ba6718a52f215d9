"""Split: what repeats a small kernel over many elements, its derivatives and their places in matrices."""
