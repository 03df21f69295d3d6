from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.instance import Instance
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    team: str,
    app: str,
    env: str,
    instance: str,
    *,
    wait: str | Unset = UNSET,
    idempotency_key: None | str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    params: dict[str, Any] = {}

    params["wait"] = wait

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/v1/teams/{team}/apps/{app}/envs/{env}/instances/{instance}".format(
            team=quote(str(team), safe=""),
            app=quote(str(app), safe=""),
            env=quote(str(env), safe=""),
            instance=quote(str(instance), safe=""),
        ),
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Instance | Problem | None:
    if response.status_code == 202:
        response_202 = Instance.from_dict(response.json())

        return response_202

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Instance | Problem]:
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
    instance: str,
    *,
    client: AuthenticatedClient | Client,
    wait: str | Unset = UNSET,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[Instance | Problem]:
    """Replaces an instance by a fresh one of the same revision, without losing a request.

     With `wait`, the answer comes when its successor is ready.

    Args:
        team (str):
        app (str):
        env (str):
        instance (str):
        wait (str | Unset):
        idempotency_key (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Instance | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        instance=instance,
        wait=wait,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    team: str,
    app: str,
    env: str,
    instance: str,
    *,
    client: AuthenticatedClient | Client,
    wait: str | Unset = UNSET,
    idempotency_key: None | str | Unset = UNSET,
) -> Instance | Problem | None:
    """Replaces an instance by a fresh one of the same revision, without losing a request.

     With `wait`, the answer comes when its successor is ready.

    Args:
        team (str):
        app (str):
        env (str):
        instance (str):
        wait (str | Unset):
        idempotency_key (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Instance | Problem
    """

    return sync_detailed(
        team=team,
        app=app,
        env=env,
        instance=instance,
        client=client,
        wait=wait,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    team: str,
    app: str,
    env: str,
    instance: str,
    *,
    client: AuthenticatedClient | Client,
    wait: str | Unset = UNSET,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[Instance | Problem]:
    """Replaces an instance by a fresh one of the same revision, without losing a request.

     With `wait`, the answer comes when its successor is ready.

    Args:
        team (str):
        app (str):
        env (str):
        instance (str):
        wait (str | Unset):
        idempotency_key (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Instance | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        instance=instance,
        wait=wait,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    app: str,
    env: str,
    instance: str,
    *,
    client: AuthenticatedClient | Client,
    wait: str | Unset = UNSET,
    idempotency_key: None | str | Unset = UNSET,
) -> Instance | Problem | None:
    """Replaces an instance by a fresh one of the same revision, without losing a request.

     With `wait`, the answer comes when its successor is ready.

    Args:
        team (str):
        app (str):
        env (str):
        instance (str):
        wait (str | Unset):
        idempotency_key (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Instance | Problem
    """

    return (
        await asyncio_detailed(
            team=team,
            app=app,
            env=env,
            instance=instance,
            client=client,
            wait=wait,
            idempotency_key=idempotency_key,
        )
    ).parsed
