"""MC2SleepNet itself, one concept of the paper a file; `network` composes them. Needs torch."""
