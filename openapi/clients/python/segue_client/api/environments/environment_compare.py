from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.environment_comparison import EnvironmentComparison
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    team: str,
    app: str,
    env: str,
    other: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/teams/{team}/apps/{app}/envs/{env}/compare/{other}".format(
            team=quote(str(team), safe=""),
            app=quote(str(app), safe=""),
            env=quote(str(env), safe=""),
            other=quote(str(other), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> EnvironmentComparison | Problem | None:
    if response.status_code == 200:
        response_200 = EnvironmentComparison.from_dict(response.json())

        return response_200

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


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[EnvironmentComparison | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    team: str,
    app: str,
    env: str,
    other: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[EnvironmentComparison | Problem]:
    """Compares two environments of an app.

    Args:
        team (str):
        app (str):
        env (str):
        other (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EnvironmentComparison | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        other=other,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    team: str,
    app: str,
    env: str,
    other: str,
    *,
    client: AuthenticatedClient | Client,
) -> EnvironmentComparison | Problem | None:
    """Compares two environments of an app.

    Args:
        team (str):
        app (str):
        env (str):
        other (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EnvironmentComparison | Problem
    """

    return sync_detailed(
        team=team,
        app=app,
        env=env,
        other=other,
        client=client,
    ).parsed


async def asyncio_detailed(
    team: str,
    app: str,
    env: str,
    other: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[EnvironmentComparison | Problem]:
    """Compares two environments of an app.

    Args:
        team (str):
        app (str):
        env (str):
        other (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[EnvironmentComparison | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        other=other,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    app: str,
    env: str,
    other: str,
    *,
    client: AuthenticatedClient | Client,
) -> EnvironmentComparison | Problem | None:
    """Compares two environments of an app.

    Args:
        team (str):
        app (str):
        env (str):
        other (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        EnvironmentComparison | Problem
    """

    return (
        await asyncio_detailed(
            team=team,
            app=app,
            env=env,
            other=other,
            client=client,
        )
    ).parsed
