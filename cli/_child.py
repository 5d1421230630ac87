"""Become a process that cannot outlive its launcher. Run as a script.

    python -I -S _child.py PARENT SIGNAL IDENTITY LIFELINE PROGRAM [ARGUMENT ...]

`PARENT` is the launcher's process id, `SIGNAL` what this process receives when the launcher dies,
`IDENTITY` one of ``own``, ``namespace:UID:GID`` or ``user:UID:GID``, `LIFELINE` a file descriptor
or ``-``. All of it happens between exec and exec, in a fresh interpreter: code that runs between
fork and exec of a process with threads can deadlock, and a signal bound to the parent's death
survives an exec.

The fork server imports from here what it asks of the kernel.
"""

import ctypes
import os
import select
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWUSER = 0x10000000
_WATCHER_POLL_SECONDS = 1.0
_CANNOT_EXECUTE = 126


def main(arguments: list[str]) -> None:
    """Take the identity, bind the life of this process to its launcher's, become the program."""
    parent, signal_number = int(arguments[0]), int(arguments[1])
    identity, lifeline, program = arguments[2], arguments[3], arguments[4:]
    # First the identity: the kernel forgets the death signal when credentials change.
    _take_identity(identity)
    if lifeline == "-":
        die_with_parent(parent, signal_number)
    else:
        _start_watcher(int(lifeline), signal_number)
    os.execv(program[0], program)


def _take_identity(identity: str) -> None:
    mode, _, ids = identity.partition(":")
    if mode == "own":
        return
    uid, gid = (int(part) for part in ids.split(":"))
    if mode == "namespace":
        _enter_user_namespace(uid, gid)
    else:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _enter_user_namespace(uid: int, gid: int) -> None:
    """See ourselves as `uid`:`gid` while the rest of the system still sees the real owner."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER)
    # The kernel wants setgroups denied before an unprivileged process may map its group.
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{gid} {outer_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def die_with_parent(parent: int, signal_number: int) -> None:
    """Ask Linux for `signal_number` at the end of the launcher's thread that forked us."""
    _call("prctl", _PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    # A launcher that died before the call above sends no signal: we have been re-parented.
    if os.getppid() != parent:
        sys.exit(0)


def set_subreaper(*, active: bool) -> None:
    """Ask Linux to give this process, or no longer, the orphans among its descendants."""
    _call("prctl", _PR_SET_CHILD_SUBREAPER, int(active), 0, 0, 0)


def _start_watcher(lifeline: int, signal_number: int) -> None:
    """Leave a small process behind that signals us when the launcher's end of a pipe closes.

    The kernel closes it at any kind of death, so this holds where there is no death signal.
    """
    server = os.getpid()
    if os.fork() != 0:
        os.close(lifeline)
        return
    # Anything else inherited here (lock files) belongs to the server alone.
    highest = max(int(name) for name in os.listdir("/dev/fd"))
    os.closerange(3, lifeline)
    os.closerange(lifeline + 1, highest + 1)
    while os.getppid() == server:
        readable, _, _ = select.select([lifeline], [], [], _WATCHER_POLL_SECONDS)
        if readable and os.getppid() == server:
            os.kill(server, signal_number)
            break
    os._exit(0)


def _call(function: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*(ctypes.c_ulong(argument) for argument in arguments)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"cannot start {sys.argv[5]}: {error}\n")
        sys.exit(_CANNOT_EXECUTE)
