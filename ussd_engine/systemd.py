"""Tell systemd how we are: sd_notify(3), which is one datagram to the socket it names. Elsewhere nothing."""

import contextlib
import os
import socket


def notify(*lines: str) -> None:
    """Say these, such as READY=1. Without `Type=notify` there is nobody to hear it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        to.setblocking(False)  # a systemd that does not listen may not stop us
        to.sendto("\n".join(lines).encode(), address)
