"""The program's entry. What does not belong here: anything but answering `--version` before anything is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the program on `sys.argv` and exit."""
    if sys.argv[1:] == ["--version"]:
        from secretfetch import __version__  # noqa: PLC0415 - the only import that --version needs

        sys.stdout.write(f"secretfetch {__version__}\n")
        return
    import gc  # noqa: PLC0415 - as above

    # What is imported lives until the end: collecting it in between finds nothing and costs 40 ms with an SDK.
    gc.disable()
    try:
        from secretfetch.cli import run  # noqa: PLC0415 - as above

        run()
    except KeyboardInterrupt:  # before `run` has set up its signals
        sys.exit(130)


if __name__ == "__main__":
    main()
