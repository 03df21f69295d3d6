from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.secret import Secret
from ...models.secret_set import SecretSet
from ...types import UNSET, Response, Unset


def _get_kwargs(
    team: str,
    app: str,
    env: str,
    key: str,
    *,
    body: SecretSet,
    deploy: bool | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    params: dict[str, Any] = {}

    params["deploy"] = deploy

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/v1/teams/{team}/apps/{app}/envs/{env}/secrets/{key}".format(
            team=quote(str(team), safe=""),
            app=quote(str(app), safe=""),
            env=quote(str(env), safe=""),
            key=quote(str(key), safe=""),
        ),
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Problem | Secret | None:
    if response.status_code == 200:
        response_200 = Secret.from_dict(response.json())

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Problem | Secret]:
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
    body: SecretSet,
    deploy: bool | Unset = UNSET,
) -> Response[Problem | Secret]:
    """Sets a secret and rolls the change out.

    Args:
        team (str):
        app (str):
        env (str):
        key (str):
        deploy (bool | Unset):
        body (SecretSet): A secret's new value.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Secret]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        key=key,
        body=body,
        deploy=deploy,
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
    body: SecretSet,
    deploy: bool | Unset = UNSET,
) -> Problem | Secret | None:
    """Sets a secret and rolls the change out.

    Args:
        team (str):
        app (str):
        env (str):
        key (str):
        deploy (bool | Unset):
        body (SecretSet): A secret's new value.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Secret
    """

    return sync_detailed(
        team=team,
        app=app,
        env=env,
        key=key,
        client=client,
        body=body,
        deploy=deploy,
    ).parsed


async def asyncio_detailed(
    team: str,
    app: str,
    env: str,
    key: str,
    *,
    client: AuthenticatedClient | Client,
    body: SecretSet,
    deploy: bool | Unset = UNSET,
) -> Response[Problem | Secret]:
    """Sets a secret and rolls the change out.

    Args:
        team (str):
        app (str):
        env (str):
        key (str):
        deploy (bool | Unset):
        body (SecretSet): A secret's new value.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | Secret]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        key=key,
        body=body,
        deploy=deploy,
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
    body: SecretSet,
    deploy: bool | Unset = UNSET,
) -> Problem | Secret | None:
    """Sets a secret and rolls the change out.

    Args:
        team (str):
        app (str):
        env (str):
        key (str):
        deploy (bool | Unset):
        body (SecretSet): A secret's new value.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | Secret
    """

    return (
        await asyncio_detailed(
            team=team,
            app=app,
            env=env,
            key=key,
            client=client,
            body=body,
            deploy=deploy,
        )
    ).parsed
