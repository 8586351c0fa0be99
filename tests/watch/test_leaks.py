"""F9: whatever a sidecar says, to whomever, through a life of faults: no value of a secret is in it."""

import http.client
import json
import os
import re
import signal
from pathlib import Path

from canaries import DOCUMENT, MARKS, leaks
from faults.figures import Figures
from watch.processes import Sidecar

CONFIG = """\
secrets: {db: file://db.json}
outputs: [{path: db.json, from: db}, {path: d/, from: db}]
on_change:
  - command: [/bin/sh, -c, 'cat /proc/self/environ > %(folder)s/environ; cat /proc/$PPID/cmdline > %(folder)s/argv']
  - command: [/bin/false]
  - webhook: 'http://user:%(mark)s@127.0.0.1:1/?token=%(mark)s'
"""


def test_a_life_of_faults_shows_no_value(tmp_path):
    """Log, status, metrics, notes, termination message, a child's environment, our arguments: none of 50 values."""
    figures = Figures(os.environ.get("FAULT_FIGURES", ""))
    values = json.dumps(DOCUMENT)
    (tmp_path / "config.yaml").write_text(CONFIG % {"folder": tmp_path, "mark": MARKS[0]})
    (tmp_path / "termination").write_text("")
    put(tmp_path, values)
    more = ("--period", "24h", "--http-bind", "127.0.0.1:0", "--log-level", "debug", "--termination-log", "termination")
    env = {"AWS_SECRET_ACCESS_KEY": MARKS[1], "VAULT_TOKEN": MARKS[2]}
    heard = ""
    with Sidecar(tmp_path, *more, "--max-failures", "3", env=env) as sidecar:
        sidecar.until("fresh")
        port = _port(sidecar.process.pid)
        put(tmp_path, json.dumps({**DOCUMENT, "NEW": "x"}))
        sidecar.refresh()
        for event in ("hook", "hook_failed", "hook_failed"):
            sidecar.until(event)
        heard += (sidecar.out / "..status").read_text() + (sidecar.out / "..state").read_text()
        for path in ("/metrics", "/readyz", "/healthz", "/" + MARKS[3]):
            heard += ask(port, path)
        for broken in (values[:-20], json.dumps(list(DOCUMENT.values())), "[" * 2000 + values):
            put(tmp_path, broken)
            sidecar.process.send_signal(signal.SIGHUP)
            sidecar.until("round_failed")
            heard += (sidecar.out / "..status").read_text() + ask(port, "/metrics")
        (tmp_path / "db.json").unlink()
        sidecar.process.send_signal(signal.SIGHUP)
        sidecar.wait()
        heard += json.dumps(sidecar.seen)
    heard += "".join((tmp_path / name).read_text() for name in ("termination", "environ", "argv"))
    figures.add("F9", "bytes looked at", len(heard), "a life of faults")
    figures.add("F9", "values found", len(leaks(heard)), "a life of faults")
    assert [] == leaks(heard)[:3]
    assert 5000 < len(heard)


def put(folder, text):
    (folder / "new").write_text(text)
    os.replace(folder / "new", folder / "db.json")


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = f"{answer.headers}{answer.read().decode()}"
    connection.close()
    return text


def _port(pid):
    """Return the port that a process listens on: it was told to take any."""
    inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            return int(re.search(r":(\w+)$", fields[1])[1], 16)
    raise AssertionError("it does not listen")
