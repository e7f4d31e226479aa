"""The words every other layer speaks: stages, recordings, hypnograms, errors. Standard library and numpy only."""
