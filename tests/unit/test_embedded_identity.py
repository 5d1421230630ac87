"""Who a server runs as, decided from the owner of its data and what the machine allows."""

import pytest

from cli.embedded.errors import DataDirectoryError
from cli.embedded.identity import NAMESPACE, NOBODY, OWN, Identity, choose_identity

ROOT = 0
# No machine has an account for it: the highest user id there is.
WITHOUT_ACCOUNT = 2**32 - 2


def always(_: Identity) -> bool:
    return True


def never(_: Identity) -> bool:
    return False


@pytest.mark.parametrize("owner", [None, ROOT])
def test_root_prefers_a_namespace(owner: int | None) -> None:
    assert choose_identity(owner, user=ROOT, works=always) == NAMESPACE


@pytest.mark.parametrize("owner", [None, ROOT])
def test_root_becomes_nobody_without_namespaces(owner: int | None) -> None:
    chosen = choose_identity(owner, user=ROOT, works=never)

    assert (chosen.mode, chosen.uid) == ("user", NOBODY)


def test_root_serves_an_existing_directory_as_its_owner() -> None:
    chosen = choose_identity(WITHOUT_ACCOUNT, user=ROOT, works=always)

    assert chosen == Identity("user", WITHOUT_ACCOUNT, WITHOUT_ACCOUNT)


def test_an_account_runs_its_own_server() -> None:
    assert choose_identity(None, user=NOBODY, works=always) == OWN
    assert choose_identity(NOBODY, user=NOBODY, works=always) == OWN


def test_a_user_id_without_an_account_borrows_one_in_a_namespace() -> None:
    assert choose_identity(None, user=WITHOUT_ACCOUNT, works=always) == NAMESPACE
    assert choose_identity(None, user=WITHOUT_ACCOUNT, works=never) == OWN


def test_another_users_directory_is_refused() -> None:
    with pytest.raises(DataDirectoryError, match="belongs to user id 0"):
        choose_identity(ROOT, user=NOBODY, works=always)
