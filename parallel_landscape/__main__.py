"""`python -m parallel_landscape` is `pland`."""

from __future__ import annotations


def main() -> int:
    """`cli.main`, imported when it is called: each worker process imports this module too, and needs nothing of it."""
    from parallel_landscape import cli

    return cli.main()


if __name__ == "__main__":
    raise SystemExit(main())
