from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.instance_page import InstancePage
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    team: str,
    app: str,
    env: str,
    *,
    gone: bool | Unset = UNSET,
    service: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["gone"] = gone

    params["service"] = service

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/teams/{team}/apps/{app}/envs/{env}/instances".format(
            team=quote(str(team), safe=""),
            app=quote(str(app), safe=""),
            env=quote(str(env), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> InstancePage | Problem | None:
    if response.status_code == 200:
        response_200 = InstancePage.from_dict(response.json())

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
) -> Response[InstancePage | Problem]:
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
    *,
    client: AuthenticatedClient | Client,
    gone: bool | Unset = UNSET,
    service: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
) -> Response[InstancePage | Problem]:
    """Lists an environment's instances, by service and slot.

    Args:
        team (str):
        app (str):
        env (str):
        gone (bool | Unset):
        service (str | Unset):
        limit (int | Unset):
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InstancePage | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        gone=gone,
        service=service,
        limit=limit,
        cursor=cursor,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    team: str,
    app: str,
    env: str,
    *,
    client: AuthenticatedClient | Client,
    gone: bool | Unset = UNSET,
    service: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
) -> InstancePage | Problem | None:
    """Lists an environment's instances, by service and slot.

    Args:
        team (str):
        app (str):
        env (str):
        gone (bool | Unset):
        service (str | Unset):
        limit (int | Unset):
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InstancePage | Problem
    """

    return sync_detailed(
        team=team,
        app=app,
        env=env,
        client=client,
        gone=gone,
        service=service,
        limit=limit,
        cursor=cursor,
    ).parsed


async def asyncio_detailed(
    team: str,
    app: str,
    env: str,
    *,
    client: AuthenticatedClient | Client,
    gone: bool | Unset = UNSET,
    service: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
) -> Response[InstancePage | Problem]:
    """Lists an environment's instances, by service and slot.

    Args:
        team (str):
        app (str):
        env (str):
        gone (bool | Unset):
        service (str | Unset):
        limit (int | Unset):
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InstancePage | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        gone=gone,
        service=service,
        limit=limit,
        cursor=cursor,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    app: str,
    env: str,
    *,
    client: AuthenticatedClient | Client,
    gone: bool | Unset = UNSET,
    service: str | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
) -> InstancePage | Problem | None:
    """Lists an environment's instances, by service and slot.

    Args:
        team (str):
        app (str):
        env (str):
        gone (bool | Unset):
        service (str | Unset):
        limit (int | Unset):
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InstancePage | Problem
    """

    return (
        await asyncio_detailed(
            team=team,
            app=app,
            env=env,
            client=client,
            gone=gone,
            service=service,
            limit=limit,
            cursor=cursor,
        )
    ).parsed
