"""A launcher to be killed: `python embedded_launcher.py DATA_DIR [forbid-namespaces]`.

Starts the embedded servers and one program, prints a line of JSON that says where they are, and
waits for its end. With `forbid-namespaces` it first denies itself what a container denies.
"""

import ctypes
import json
import os
import platform
import signal
import struct
import sys
from pathlib import Path

from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.programs import Program

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL_WITH_EPERM = 0x7FFF0000, 0x00050001
_UNSHARE = {"x86_64": 272, "aarch64": 97}[platform.machine()]


def forbid_namespaces() -> None:
    """Let unshare(2) fail with EPERM, as the default seccomp profile of containers does."""
    instructions = [
        (_LOAD_WORD, 0, 0, 0),
        (_JUMP_IF_EQUAL, 0, 1, _UNSHARE),
        (_RETURN, 0, 0, _FAIL_WITH_EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in instructions))
    program = ctypes.create_string_buffer(
        struct.pack("H6xQ", len(instructions), ctypes.addressof(code))
    )
    if ctypes.CDLL(None).prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0) != 0:
        raise SystemExit("cannot install the seccomp filter")


def main(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir / "postgres")
    valkey = EmbeddedValkey(data_dir / "valkey")
    program = Program(
        "sleeper",
        [sys.executable, "-c", "import signal; signal.pause()"],
        env=os.environ,
        log_dir=data_dir / "logs",
    )
    for service in (postgres, valkey, program):
        service.start()
    report = {
        "postgres_url": postgres.url,
        "valkey_url": valkey.url,
        "pids": [postgres.pid, valkey.pid, program.pid],
    }
    print(json.dumps(report), flush=True)
    signal.pause()


if __name__ == "__main__":
    if sys.argv[2:] == ["forbid-namespaces"]:
        forbid_namespaces()
    main(Path(sys.argv[1]))
