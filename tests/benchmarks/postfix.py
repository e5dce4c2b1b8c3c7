"""A Postfix of our own: in a scratch folder, on a free port of loopback, every mail thrown away once it is queued.

It needs root, as every Postfix does that starts its own master, and the programs of Debian's package; the system's
configuration, queue and log are not touched.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example.org
mydestination =
local_recipient_maps =
mynetworks = 127.0.0.0/8
default_transport = discard:
relay_transport = discard:
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
"""
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
anvil unix - - n - 1 anvil
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """It runs."""

    port: int
    log: Path


@contextlib.contextmanager
def a_postfix() -> Iterator[Postfix]:
    """Until the block ends."""
    with tempfile.TemporaryDirectory(prefix="digest-postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        for part in ("queue", "data", "conf"):
            (folder / part).mkdir()
        shutil.chown(folder / "data", "postfix")
        (folder / "conf" / "main.cf").write_text(MAIN.format(folder=folder))
        (folder / "conf" / "master.cf").write_text(MASTER.format(port=port))
        run = ["postfix", "-c", str(folder / "conf")]
        subprocess.run([*run, "start"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Postfix(port, folder / "mail.log")
        finally:
            subprocess.run([*run, "stop"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
