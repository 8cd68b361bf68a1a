"""`python -m parallel_landscape` is `pland`."""

from parallel_landscape.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
