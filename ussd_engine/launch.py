"""Become another program, one that ends when the process that started it ends.

Run as a file, so that it starts in milliseconds:

    python -I -S launch.py SIGNAL PARENT_PID UID:GID COMMAND ARGUMENT…

It asks the kernel for SIGNAL on the parent's death (Linux; elsewhere the next start finds what is left
over and stops it), takes the identity UID:GID when it runs as root, and then is COMMAND: the process id
stays. This is how `kill -9` of `ussd dev` leaves no server behind.

`ending_with_us` makes the first part of that line. The signal comes when the *thread* that called fork
ends, so start programs from the main thread.
"""

import contextlib
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 4  # also: access(2) counts capabilities, which PostgreSQL asks about its binary
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


def ending_with_us(at_parent_death: int, uid: int | None = None, gid: int | None = None) -> list[str]:
    """What to put before a command so that it ends with this process."""
    uid = os.geteuid() if uid is None else uid
    gid = os.getegid() if gid is None else gid
    return [sys.executable, "-I", "-S", __file__, str(int(at_parent_death)), str(os.getpid()), f"{uid}:{gid}"]


def main(arguments: list[str]) -> None:
    """Set up this process, then become the command."""
    signal_number, parent = int(arguments[0]), int(arguments[1])
    uid, gid = (int(number) for number in arguments[2].split(":"))
    command = arguments[3:]
    if uid != os.geteuid():
        _become(uid, gid)
    if sys.platform == "linux":  # after the change of user, which clears it
        _prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:  # it died before we asked
        return
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would pass that on
    os.execvp(command[0], command)  # noqa: S606


def _become(uid: int, gid: int) -> None:
    """Drop root for uid, keeping only the right to reach files below closed folders.

    Without it every folder above the data and above the virtual environment (/root, a private temporary
    folder) would have to be opened to all users. Containers often lack CAP_DAC_READ_SEARCH; there it is
    CAP_DAC_OVERRIDE.
    """
    os.setgroups([])
    if sys.platform != "linux":
        os.setgid(gid)
        os.setuid(uid)
        return
    with contextlib.suppress(OSError):  # a container may forbid it; then open folders have to do
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if _keep_only(capability):
            return


def _keep_only(capability: int) -> bool:
    mask = 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable; high words
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, sets) != 0:
        return False
    return bool(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    main(sys.argv[1:])
