"""A worker that takes a place as ours does, and answers each caller with its process id. Then it misbehaves.

    python toy.py OFFER HOW

HOW: fine, ends (before it is ready), hangs (there), problems (is not ready), dies (as soon as it serves),
stays (does not leave when it is replaced), grows (by 64 MB for each caller).
"""

import asyncio
import os
import signal
import socket
import sys

from ussd_engine.place import Offer, Place

held = []


async def main(offer: str, how: str) -> None:
    place = Place(Offer.read(offer))
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, leave.set)
    loop.add_signal_handler(signal.SIGHUP, (lambda: None) if how == "stays" else leave.set)
    if how == "ends":
        sys.exit(7)
    if how == "hangs":
        await asyncio.Event().wait()
    if not await place.until_go({"redis": "Redis is away"} if how == "problems" else {}):
        return
    if how == "dies":
        os.kill(os.getpid(), signal.SIGSEGV)

    def answer(queue: socket.socket) -> None:
        try:
            caller, _ = queue.accept()
        except BlockingIOError:  # the other one in this place was quicker
            return
        if how == "grows":
            held.append(b"x" * (64 << 20))
        with caller:  # before anything else is heard: whoever is taken is served
            caller.send(f"{os.getpid()}\n".encode())

    for queue in place.sockets:
        loop.add_reader(queue, answer, queue)
    await leave.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
