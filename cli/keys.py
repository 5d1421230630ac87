"""`earned keys`: API keys, before there is one to ask the API with."""

from typing import Annotated

import typer

from cli.options import (
    DATA_DIR,
    DatabaseUrl,
    DataDir,
    Organization,
    PreviousSecretKeys,
    SecretKey,
    told,
)

__all__ = ["keys_app"]

keys_app = typer.Typer(help="API keys, written straight to the database.", no_args_is_help=True)


@keys_app.command("create")
def keys_create(
    organization: Organization,
    *,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "made by earned keys",
    scope: Annotated[
        list[str] | None, typer.Option(help="Such as kpis:read; repeatable. Every scope if none.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Make the organization too.")] = False,
    time_zone: Annotated[str, typer.Option(help="Of a new organization.")] = "UTC",
    currency: Annotated[str, typer.Option(help="Of a new organization.")] = "EUR",
    database_url: DatabaseUrl = None,
    secret_key: SecretKey = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Make an API key and print it: it is shown this once."""
    from cli.running import stored_access
    from cli.tenant import issue_key
    from shared.security.keys import SCOPES

    with told():
        access = stored_access(data_dir, database_url, secret_key)
        key = issue_key(
            access.database_url,
            access.secret_key,
            organization=organization,
            name=name,
            scopes=scope or SCOPES,
            new_organization=(time_zone, currency) if new else None,
        )
        typer.echo(key.plaintext)


@keys_app.command("list")
def keys_list(
    organization: Organization,
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List an organization's keys, without their secrets."""
    from cli.running import stored_database
    from cli.tenant import list_keys

    with told():
        url = stored_database(data_dir, database_url)
        for key in list_keys(url, organization=organization):
            state = "revoked" if key["revoked_at"] else "valid"
            used = key["last_used_on"] or "never"
            typer.echo(f"{key['id']}  {state:<8} used {used}  {key['name']}")


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="The eight characters after earned_live_.")],
    organization: Organization,
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Refuse a key from now on."""
    from cli.running import stored_database
    from cli.tenant import withdraw_key

    with told():
        url = stored_database(data_dir, database_url)
        withdraw_key(url, organization=organization, key_id=key_id)
        typer.echo(f"{key_id} is revoked")


@keys_app.command(
    "reencrypt", epilog="Ends with 1 while anything still needs another key than the newest."
)
def keys_reencrypt(
    *,
    database_url: DatabaseUrl = None,
    secret_key: SecretKey = None,
    previous_secret_keys: PreviousSecretKeys = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """After a change of the secret key: bring under the new one what the old ones hold."""
    from cli.reencrypting import reencrypt_all, render
    from cli.running import stored_access

    with told():
        access = stored_access(data_dir, database_url, secret_key, previous_secret_keys)
        if not access.previous_secret_keys:
            raise typer.BadParameter(
                "without the keys of before, in --previous-secret-keys, there is nothing to do"
            )
        found = reencrypt_all(access.database_url, access.ring())
        for line in render(found):
            typer.echo(line)
        if not all(each.is_settled for each in found):
            raise typer.Exit(1)
