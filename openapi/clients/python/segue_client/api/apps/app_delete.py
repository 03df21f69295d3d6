from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    team: str,
    app: str,
    *,
    if_match: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["If-Match"] = if_match

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/v1/teams/{team}/apps/{app}".format(
            team=quote(str(team), safe=""),
            app=quote(str(app), safe=""),
        ),
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Problem | None:
    if response.status_code == 204:
        response_204 = cast(Any, None)
        return response_204

    if 400 <= response.status_code <= 499:
        response_4xx = Problem.from_dict(response.json())

        return response_4xx

    if 500 <= response.status_code <= 599:
        response_5xx = Problem.from_dict(response.json())

        return response_5xx

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    team: str,
    app: str,
    *,
    client: AuthenticatedClient | Client,
    if_match: str,
) -> Response[Any | Problem]:
    """Removes an app with all its environments; their containers are stopped. A session must have been
    confirmed (`POST
    /v1/auth/confirm`).

    Args:
        team (str):
        app (str):
        if_match (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        if_match=if_match,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    team: str,
    app: str,
    *,
    client: AuthenticatedClient | Client,
    if_match: str,
) -> Any | Problem | None:
    """Removes an app with all its environments; their containers are stopped. A session must have been
    confirmed (`POST
    /v1/auth/confirm`).

    Args:
        team (str):
        app (str):
        if_match (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return sync_detailed(
        team=team,
        app=app,
        client=client,
        if_match=if_match,
    ).parsed


async def asyncio_detailed(
    team: str,
    app: str,
    *,
    client: AuthenticatedClient | Client,
    if_match: str,
) -> Response[Any | Problem]:
    """Removes an app with all its environments; their containers are stopped. A session must have been
    confirmed (`POST
    /v1/auth/confirm`).

    Args:
        team (str):
        app (str):
        if_match (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        if_match=if_match,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    app: str,
    *,
    client: AuthenticatedClient | Client,
    if_match: str,
) -> Any | Problem | None:
    """Removes an app with all its environments; their containers are stopped. A session must have been
    confirmed (`POST
    /v1/auth/confirm`).

    Args:
        team (str):
        app (str):
        if_match (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Problem
    """

    return (
        await asyncio_detailed(
            team=team,
            app=app,
            client=client,
            if_match=if_match,
        )
    ).parsed
