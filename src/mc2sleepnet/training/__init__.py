"""One training loop, two phase files, and what they share. Needs torch."""
