"""Readers of every dialect: the real programs where the machine has them, and re-readers by the programs' rules.

Each takes a file's bytes and gives variables as bytes, or raises `Unreadable`.
"""

from __future__ import annotations

import ctypes
import io
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

SPACE = " \t\v\f\r\x85\xa0"


class Unreadable(Exception):
    """The program would refuse the file, or read something else than one value per name."""


def docker(data: bytes) -> dict[str, bytes]:
    """Read as `docker run --env-file`: lines below 64 KiB, no quotes, a CR before the LF is dropped."""
    found = {}
    for line in _go_lines(data):
        text = _utf8(line).lstrip()
        name, equals, value = text.partition("=")
        if not text or text.startswith("#"):
            continue
        if not equals or " " in name or "\t" in name:
            raise Unreadable(name)
        found[name] = value.encode()
    return found


def kubelet(data: bytes) -> dict[str, bytes]:
    """Read as the kubelet reads for `fileKeyRef`: single quotes only, over lines, nothing escaped."""
    if len(data) > 65536:
        raise Unreadable("size")
    text = b"".join(line + b"\n" for line in _go_lines(data))
    _utf8(text)
    return _statements(text, rb"'([^']*)'[ \t]*(?:#[^\n]*)?", lambda _quote, inner: inner)


def compose(data: bytes) -> dict[str, bytes]:
    r"""Read as compose's `env_file`: `'v'` knows `\'` alone, `"v"` has escapes and expands `$`."""
    _utf8(data)
    simple = dict(zip(b'abfnrtv"\\$c', b'\a\b\f\n\r\t\v"\\$c', strict=True))

    def value(quote: bytes, inner: bytes) -> bytes:
        if quote == b"'":
            return inner.replace(b"\\'", b"'")
        if re.search(rb"(?<!\\)(?:\\\\)*\$", inner):
            raise Unreadable("expansion")
        return re.sub(rb'\\([abfnrtv"\\$c])', lambda found: bytes([simple[found[1][0]]]), inner)

    return _statements(data, rb"""(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")""", value)


def systemd(data: bytes) -> dict[str, bytes]:
    r"""Read as `EnvironmentFile=`: `'v'` literal, `"v"` with a backslash before `" \ $` and backtick."""
    if re.search("[\ufdd0-\ufdef]", _utf8(data)) or any(ord(char) & 0xFFFE == 0xFFFE for char in _utf8(data)):
        raise Unreadable("noncharacter")

    def value(quote: bytes, inner: bytes) -> bytes:
        if quote == b"'":
            return inner
        return re.sub(rb'\\(["\\$`])|\\\n', lambda found: found[1] or b"", inner)

    return _statements(data, rb"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")""", value)


def python_dotenv(data: bytes) -> dict[str, bytes]:
    """Read with python-dotenv as an application does: interpolation on."""
    import dotenv

    # Opened as the library opens a path: text with universal newlines.
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
    return {name: (value or "").encode() for name, value in dotenv.dotenv_values(stream=stream).items()}


def posix(program: str):
    """Return a reader that sources the file in a clean shell, and fails if anything was run or printed."""

    def read(data: bytes, names: list[str]) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "vars").write_bytes(data)
            printed = " ".join(f'"${{{name}-unset}}"' for name in names)
            (Path(folder) / "print").write_text(f". ./vars\nprintf '%s\\0' {printed}\n")
            run = subprocess.run(
                [need(program), "print"],
                cwd=folder,
                capture_output=True,
                check=True,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            )
            if run.stderr or {file.name for file in Path(folder).iterdir()} != {"vars", "print"}:
                raise Unreadable("it ran something")
        return dict(zip(names, run.stdout.split(b"\0")[:-1], strict=True))

    return read


def node(data: bytes, names: list[str]) -> dict[str, bytes]:
    """Read with `node --env-file`."""
    script = "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(name => process.env[name] ?? null)))"
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        command = [need("node"), f"--env-file={file.name}", "-e", script, json.dumps(names)]
        values = json.loads(subprocess.run(command, capture_output=True, check=True, env={}).stdout)
    return {name: value.encode() for name, value in zip(names, values, strict=True) if value is not None}


def libsystemd(data: bytes) -> dict[str, bytes]:
    """Read with systemd's own parser of environment files, from the library that its programs share."""
    paths = sorted(Path("/usr/lib").glob("*/systemd/libsystemd-shared-*.so"))
    if not paths:
        pytest.skip("systemd's shared library is not on this machine")
    library = ctypes.CDLL(str(paths[0]))
    found = ctypes.POINTER(ctypes.c_char_p)()
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        if library.load_env_file(None, file.name.encode(), ctypes.byref(found)) < 0:
            raise Unreadable("systemd")
    result: dict[str, bytes] = {}
    for entry in found or ():
        if entry is None:
            break
        name, _, value = entry.partition(b"=")
        result[name.decode()] = value
    return result


JAVA = """
import java.io.*; import java.util.*; import java.nio.charset.*;
public class Load {
  static String hex(String text) { return HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_16BE)); }
  public static void main(String[] args) throws IOException {
    Properties found = new Properties();
    try (InputStream file = new FileInputStream(args[0])) { found.load(file); }
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false);
    for (String name : found.stringPropertyNames()) out.println("." + hex(name) + "." + hex(found.getProperty(name)));
    out.flush();
  }
}
"""


def java(data: bytes) -> dict[str, str]:
    """Read with `java.util.Properties.load`."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "vars").write_bytes(data)
        (Path(folder) / "Load.java").write_text(JAVA)
        command = [need("java"), "-XX:TieredStopAtLevel=1", "Load.java", "vars"]
        lines = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True).stdout.splitlines()
    fields = (line.split(".") for line in lines)
    return {
        bytes.fromhex(name).decode("utf-16-be"): bytes.fromhex(value).decode("utf-16-be") for _, name, value in fields
    }


def need(program: str) -> str:
    """Return the program's path, or skip the test that needs it."""
    found = shutil.which(program)
    if not found:
        pytest.skip(f"{program} is not on this machine")
    return found


def _go_lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    if any(len(line) >= 65536 for line in lines):
        raise Unreadable("line too long")
    last = [lines[-1]] if lines[-1] else []
    return [line.removesuffix(b"\r") for line in lines[:-1] + last]


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Unreadable("UTF-8") from None


def _statements(data: bytes, quoted: bytes, value) -> dict[str, bytes]:
    statement = re.compile(rb"([A-Za-z_][A-Za-z0-9_]*)=" + quoted + rb"\n", re.DOTALL)
    found = {}
    place = 0
    while place < len(data):
        hit = statement.match(data, place)
        if hit is None:
            raise Unreadable(f"at byte {place}")
        start = hit.end(1) + 1
        inner = next(group for group in hit.groups()[1:] if group is not None)
        found[hit[1].decode()] = value(data[start : start + 1], inner)
        place = hit.end()
    return found
