"""`python -m anymo` is the `anymo` command."""

from anymo.cli import main

if __name__ == "__main__":
    main()
