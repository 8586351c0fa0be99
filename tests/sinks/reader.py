"""A program that reads a volume without a pause until a file appears, then prints what it has found as JSON.

Arguments: how it reads (`naive`: name by name; `pinned`: `..data` opened once a set; `both`; `watch`: pinned, after
each `MOVED_TO ..data` that inotify tells), the volume, the names with commas between them, and the file that ends it.
A file that is whole says the number of its set, a colon, and the number over and over. What does not belong here:
judging what was found.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import struct
import sys

MOVED_FROM, MOVED_TO, OVERFLOW = 0x40, 0x80, 0x4000
_EVENT = struct.Struct("iIII")


def whole(data):
    """Return the number of the set, or None if the file is not whole."""
    number, _, rest = data.partition(b":")
    return int(number) if rest and rest == number * (len(rest) // max(1, len(number))) else None


def read(name, fd=None):
    with open(os.open(name, os.O_RDONLY, dir_fd=fd), "rb") as source:
        return source.read()


class Reader:
    """Reads sets, and counts."""

    def __init__(self, root, names):
        self.root = root
        self.names = names
        self.counts = dict.fromkeys(
            ("reads", "torn", "missing", "sets", "naive_mixed", "pinned", "mixed", "pinned_missing"), 0
        )

    def naive(self):
        """Open one name after the other, each through the links."""
        found = set()
        for name in self.names:
            try:
                number = whole(read(os.path.join(self.root, name)))
                found.add(number)
                self.counts["torn"] += number is None
            except FileNotFoundError:
                self.counts["missing"] += 1
            self.counts["reads"] += 1
        self.counts["sets"] += 1
        self.counts["naive_mixed"] += len(found) > 1

    def pinned(self):
        """Open `..data` once, and the names below it; return the number of the set."""
        data = os.path.join(self.root, "..data")
        if not os.path.islink(data):
            return None
        fd = os.open(data, os.O_DIRECTORY)
        self.counts["pinned"] += 1
        try:
            found = {whole(read(name, fd)) for name in self.names}
            self.counts["mixed"] += len(found) != 1
            self.counts["torn"] += None in found
            return max(number or 0 for number in found)
        except FileNotFoundError:
            self.counts["pinned_missing"] += 1
            return None
        finally:
            os.close(fd)

    def both(self):
        self.naive()
        self.pinned()


class Watcher(Reader):
    """Reads a set for each event: at least as new a one as the event announces."""

    def __init__(self, root, names):
        super().__init__(root, names)
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        # The kernel merges an event with an equal one before it that is not read yet: what is renamed comes in between.
        assert libc.inotify_add_watch(self.fd, os.fsencode(root), MOVED_FROM | MOVED_TO) >= 0, ctypes.get_errno()
        self.counts |= {"events": 0, "overflows": 0, "stale": 0}

    def watch(self):
        try:
            data = os.read(self.fd, 4096)
        except BlockingIOError:
            return False
        while data:
            _, mask, _, length = _EVENT.unpack_from(data)
            name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
            data = data[_EVENT.size + length :]
            self.counts["overflows"] += bool(mask & OVERFLOW)
            if mask & MOVED_TO and name == b"..data":
                self.counts["events"] += 1
                number = self.pinned()
                self.counts["stale"] += number is not None and number < self.counts["events"]
        return True


def main(how, root, names, stop):
    reader = (Watcher if how == "watch" else Reader)(root, names.split(","))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if how == "watch":
        # What was told before the end is still to be read after it.
        while not os.path.exists(stop):
            select.select([reader.fd], [], [], 0.1)
            while reader.watch():
                pass
        while reader.watch():
            pass
    else:
        while not os.path.exists(stop):
            getattr(reader, how)()
    sys.stdout.write(json.dumps(reader.counts) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
