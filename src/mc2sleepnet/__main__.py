"""``python -m mc2sleepnet`` is the command ``mc2sleepnet``."""

from mc2sleepnet.cli import main

if __name__ == "__main__":
    main()
