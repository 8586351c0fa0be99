"""A program that may write to a volume, and exchanges names in it for links that lead outside, as fast as it can.

Arguments: the volume, a directory outside, the file that ends it. Prints how often it has put a link in the way. It
changes nothing outside itself: what changes there is somebody else's doing. What does not belong here: looking there.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
from contextlib import suppress

_EXCHANGE, _HERE = 2, -100
_LIBC = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    """Exchange two names in one step: nobody ever sees neither."""
    return _LIBC.renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def names(root):
    """Return everything in a volume, links not followed; what goes meanwhile is left out."""
    found = []
    for above, directories, files in os.walk(root):
        found += [os.path.join(above, name) for name in (*directories, *files) if not name.startswith("aside")]
    return found


def attack(root, outside, number):
    """Put a link in the place of each name for a moment; now and then, for good. Return how often."""
    done = 0
    for path in names(root):
        try:
            where = os.path.realpath(os.path.dirname(path))
        except OSError:  # it has gone between two looks
            continue
        if os.path.commonpath([root, where]) != root:
            continue  # a link of our own is on the way
        inside = os.path.join(outside, os.path.basename(path))
        aside = os.path.join(root, f"aside{number}")
        with suppress(OSError):
            os.symlink(inside if os.path.exists(inside) and number % 3 else outside, aside)
            done += exchange(aside, path)
            if number % 7:
                exchange(aside, path)
        for gone in (aside, path) if number % 11 == 0 else (aside,):
            with suppress(OSError):
                os.unlink(gone)
            with suppress(OSError):
                os.rename(gone, os.path.join(root, "aside-directory"))
    return done


def main(root, outside, stop):
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    done = 0
    for number in itertools.count():
        if os.path.exists(stop):
            break
        done += attack(root, outside, number)
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
