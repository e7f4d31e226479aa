"""The installed command and ``python -m mc2sleepnet``: loads the command line, which Ctrl-C may interrupt too."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Entry point."""
    try:
        from mc2sleepnet.cli import main as run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
