"""`python -m trackteroid_cli` is `trackteroid`."""

from trackteroid_cli.cli import main

if __name__ == "__main__":
    main()
