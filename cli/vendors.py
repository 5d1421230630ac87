"""Connect the sandbox's vendors, as an administrator would connect real ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

from cli.client import Client, RefusedError
from cli.output import Stage

__all__ = ["put_connections"]


@dataclass(frozen=True, slots=True)
class _Connection:
    """One connection to make; `source` is its name in facts."""

    provider: str
    source: str
    name: str
    config: Mapping[str, Any]
    credentials: Mapping[str, Any]

    def starting(self, day: date) -> Self:
        """Return it with the first day to ask for."""
        return replace(self, config={**self.config, "start_on": day.isoformat()})

    @property
    def body(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "source": self.source,
            "name": self.name,
            "config": dict(self.config),
            "credentials": dict(self.credentials),
        }


def put_connections(
    api: Client, credentials: Mapping[str, Any], *, start_on: date, stage: Stage
) -> dict[str, str]:
    """Make every connection that is not there yet; return the id of each by source.

    `credentials` is what the sandbox hands out. A connection that points to an address where the
    sandbox no longer is gets the new one.
    """
    wanted = [one.starting(start_on) for one in _connections(credentials)]
    known = _known_connections(api)
    ids: dict[str, str] = {}
    for connection in wanted:
        ids[connection.source] = _put_connection(api, connection, known)
        stage.update(f"{len(ids)} of {len(wanted)}")
    return ids


def _connections(credentials: Mapping[str, Any]) -> list[_Connection]:
    hubspot, page, ga4 = (credentials[vendor] for vendor in ("hubspot", "linkedin", "ga4"))
    return [
        _Connection(
            "hubspot",
            "hubspot",
            "HubSpot",
            {
                "base_url": hubspot["base_url"],
                "token_url": hubspot["token_url"],
                "account_currency": hubspot["account_currency"],
            },
            {"auth": _grant(hubspot), "webhook_secrets": [hubspot["client_secret"]]},
        ),
        _Connection(
            "ga4",
            "ga4",
            "Google Analytics",
            {
                "base_url": ga4["base_url"],
                "property_id": ga4["property_id"],
                "careers_prefix": "/careers",
            },
            {"auth": _service_account(ga4["service_account"])},
        ),
        _linkedin(
            page, "linkedin", "LinkedIn page", _grant(page), organization=page["organization"]
        ),
        *(
            _linkedin(
                page,
                f"linkedin-{member['employee'].lower()}",
                f"LinkedIn {member['employee']}",
                _grant(page | member),
                employee=member["employee"],
            )
            for member in page["members"]
        ),
    ]


def _linkedin(
    page: Mapping[str, Any], source: str, name: str, grant: Mapping[str, Any], **whose: str
) -> _Connection:
    config = {
        "base_url": page["base_url"],
        "token_url": page["token_url"],
        "version": page["version"],
        **whose,
    }
    return _Connection("linkedin", source, name, config, {"auth": grant})


def _grant(vendor: Mapping[str, Any]) -> dict[str, Any]:
    names = ("client_id", "client_secret", "refresh_token", "access_token")
    return {"type": "oauth2", **{name: vendor[name] for name in names}}


def _service_account(key: Mapping[str, Any]) -> dict[str, Any]:
    names = ("client_email", "private_key_id", "private_key", "token_uri")
    return {"type": "service_account", **{name: key[name] for name in names}}


def _put_connection(
    api: Client, wanted: _Connection, known: Mapping[str, Mapping[str, Any]]
) -> str:
    found = known.get(wanted.source)
    if found is None:
        try:
            made: str = api.post("/v1/connections", wanted.body)["id"]
        except RefusedError as error:
            # The answer to an earlier attempt was lost on its way, the connection was not.
            if error.code != "source_taken":
                raise
            made = _known_connections(api)[wanted.source]["id"]
        return made
    connection_id: str = found["id"]
    if found["config"]["base_url"] != wanted.config["base_url"]:
        change = {"config": dict(wanted.config), "credentials": dict(wanted.credentials)}
        api.patch(f"/v1/connections/{connection_id}", change)
    return connection_id


def _known_connections(api: Client) -> dict[str, Any]:
    return {
        found["source"]: found for found in api.pages("/v1/connections", "connections", limit=200)
    }
