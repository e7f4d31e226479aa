"""From a recording to a hypnogram with honest confidence, and its files. Never imports torch."""
