"""`earned rebuild` and `earned verify`: what keeps the figures provably right."""

from typing import Annotated

import typer

from cli.options import DATA_DIR, DatabaseUrl, DataDir, Organization, told

__all__ = ["ENDS_OF_VERIFY", "rebuild", "verify"]

ENDS_OF_VERIFY = (
    "Ends with 0 if nothing differs, or nothing any more after --repair; with 1 if something does; "
    "with 3 if what still differs after --repair waits for a rebuild that is under way."
)


def rebuild(
    organization: Organization,
    *,
    window_days: Annotated[
        int | None, typer.Option(min=1, max=730, help="Attribution window; as it is if none.")
    ] = None,
    half_life_days: Annotated[
        int | None,
        typer.Option(min=1, max=365, help="Half-life of the time decay; as it is if none."),
    ] = None,
    measure_half_life: Annotated[
        bool,
        typer.Option(
            "--measure-half-life", help="Let the half-life follow the sales cycle from now on."
        ),
    ] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Give up what is under way.")] = False,
    drop_retired: Annotated[
        bool, typer.Option("--drop-retired", help="Delete what rebuilds have replaced.")
    ] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Fold all figures anew from the ledger, while the old ones keep answering."""
    from cli import rebuilding
    from cli.output import Terminal
    from cli.running import stored_database

    if measure_half_life and half_life_days is not None:
        raise typer.BadParameter("a half-life is either given or measured")
    with told():
        url = stored_database(data_dir, database_url)
        if abort:
            is_aborted = rebuilding.abort(url, organization)
            typer.echo("The rebuild is given up." if is_aborted else "No rebuild is under way.")
        elif drop_retired:
            typer.echo(f"{rebuilding.drop(url, organization)} generations deleted")
        else:
            rebuilding.rebuild(
                url,
                organization,
                Terminal(),
                window_days=window_days,
                half_life_days="measured" if measure_half_life else half_life_days,
            )


def verify(
    organization: Annotated[
        str | None, typer.Option("--organization", help="Name or id; every organization if none.")
    ] = None,
    *,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Verify so many random samples, not everything.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what differs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Recompute the figures from the ledger, in another way, and compare them exactly."""
    import orjson

    from cli import verifying
    from cli.running import stored_database

    if repair and sample is not None:
        raise typer.BadParameter("a repair verifies everything: leave out --sample")
    with told():
        url = stored_database(data_dir, database_url)
        if repair:
            repairs = verifying.repair_organizations(url, organization)
            reports = [done.after for done in repairs]
            lines = verifying.render_repairs(repairs)
        else:
            repairs = []
            reports = verifying.verify_organizations(url, organization, samples=sample)
            lines = verifying.render(reports)
        if as_json:
            lines = iter([orjson.dumps(verifying.documents(reports, repairs)).decode()])
        for line in lines:
            typer.echo(line)
        if code := verifying.ended(reports, repairs):
            raise typer.Exit(code)
