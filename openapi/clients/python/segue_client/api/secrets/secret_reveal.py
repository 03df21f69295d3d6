from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.secret_value import SecretValue
from ...types import Response


def _get_kwargs(
    team: str,
    app: str,
    env: str,
    key: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/teams/{team}/apps/{app}/envs/{env}/secrets/{key}/reveal".format(
            team=quote(str(team), safe=""),
            app=quote(str(app), safe=""),
            env=quote(str(env), safe=""),
            key=quote(str(key), safe=""),
        ),
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | SecretValue | None:
    if response.status_code == 200:
        response_200 = SecretValue.from_dict(response.json())

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
) -> Response[Problem | SecretValue]:
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
    key: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Problem | SecretValue]:
    """Shows the value of a secret, and the team that it was shown. For admins; of a protected environment
    for owners.

     A session must have been confirmed (`POST /v1/auth/confirm`); an API token needs the scope
    `secret:reveal`, which no
    token has unless it was asked for.

    Args:
        team (str):
        app (str):
        env (str):
        key (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | SecretValue]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        key=key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    team: str,
    app: str,
    env: str,
    key: str,
    *,
    client: AuthenticatedClient | Client,
) -> Problem | SecretValue | None:
    """Shows the value of a secret, and the team that it was shown. For admins; of a protected environment
    for owners.

     A session must have been confirmed (`POST /v1/auth/confirm`); an API token needs the scope
    `secret:reveal`, which no
    token has unless it was asked for.

    Args:
        team (str):
        app (str):
        env (str):
        key (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | SecretValue
    """

    return sync_detailed(
        team=team,
        app=app,
        env=env,
        key=key,
        client=client,
    ).parsed


async def asyncio_detailed(
    team: str,
    app: str,
    env: str,
    key: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[Problem | SecretValue]:
    """Shows the value of a secret, and the team that it was shown. For admins; of a protected environment
    for owners.

     A session must have been confirmed (`POST /v1/auth/confirm`); an API token needs the scope
    `secret:reveal`, which no
    token has unless it was asked for.

    Args:
        team (str):
        app (str):
        env (str):
        key (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | SecretValue]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        key=key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    app: str,
    env: str,
    key: str,
    *,
    client: AuthenticatedClient | Client,
) -> Problem | SecretValue | None:
    """Shows the value of a secret, and the team that it was shown. For admins; of a protected environment
    for owners.

     A session must have been confirmed (`POST /v1/auth/confirm`); an API token needs the scope
    `secret:reveal`, which no
    token has unless it was asked for.

    Args:
        team (str):
        app (str):
        env (str):
        key (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | SecretValue
    """

    return (
        await asyncio_detailed(
            team=team,
            app=app,
            env=env,
            key=key,
            client=client,
        )
    ).parsed
