from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.deployment import Deployment
from ...models.deployment_create import DeploymentCreate
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    team: str,
    app: str,
    env: str,
    *,
    body: DeploymentCreate,
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
        "method": "post",
        "url": "/v1/teams/{team}/apps/{app}/envs/{env}/deployments".format(
            team=quote(str(team), safe=""),
            app=quote(str(app), safe=""),
            env=quote(str(env), safe=""),
        ),
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Deployment | Problem | None:
    if response.status_code == 200:
        response_200 = Deployment.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = Deployment.from_dict(response.json())

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


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Deployment | Problem]:
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
    body: DeploymentCreate,
    wait: str | Unset = UNSET,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[Deployment | Problem]:
    """Deploys source, an image, an older release, the newest specification, or the same again.

    Args:
        team (str):
        app (str):
        env (str):
        wait (str | Unset):
        idempotency_key (None | str | Unset):
        body (DeploymentCreate): What shall be deployed. Exactly one of `source`, `image`,
            `release`, `restart` and `spec` is set.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Deployment | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        body=body,
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
    *,
    client: AuthenticatedClient | Client,
    body: DeploymentCreate,
    wait: str | Unset = UNSET,
    idempotency_key: None | str | Unset = UNSET,
) -> Deployment | Problem | None:
    """Deploys source, an image, an older release, the newest specification, or the same again.

    Args:
        team (str):
        app (str):
        env (str):
        wait (str | Unset):
        idempotency_key (None | str | Unset):
        body (DeploymentCreate): What shall be deployed. Exactly one of `source`, `image`,
            `release`, `restart` and `spec` is set.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Deployment | Problem
    """

    return sync_detailed(
        team=team,
        app=app,
        env=env,
        client=client,
        body=body,
        wait=wait,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    team: str,
    app: str,
    env: str,
    *,
    client: AuthenticatedClient | Client,
    body: DeploymentCreate,
    wait: str | Unset = UNSET,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[Deployment | Problem]:
    """Deploys source, an image, an older release, the newest specification, or the same again.

    Args:
        team (str):
        app (str):
        env (str):
        wait (str | Unset):
        idempotency_key (None | str | Unset):
        body (DeploymentCreate): What shall be deployed. Exactly one of `source`, `image`,
            `release`, `restart` and `spec` is set.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Deployment | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        body=body,
        wait=wait,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    app: str,
    env: str,
    *,
    client: AuthenticatedClient | Client,
    body: DeploymentCreate,
    wait: str | Unset = UNSET,
    idempotency_key: None | str | Unset = UNSET,
) -> Deployment | Problem | None:
    """Deploys source, an image, an older release, the newest specification, or the same again.

    Args:
        team (str):
        app (str):
        env (str):
        wait (str | Unset):
        idempotency_key (None | str | Unset):
        body (DeploymentCreate): What shall be deployed. Exactly one of `source`, `image`,
            `release`, `restart` and `spec` is set.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Deployment | Problem
    """

    return (
        await asyncio_detailed(
            team=team,
            app=app,
            env=env,
            client=client,
            body=body,
            wait=wait,
            idempotency_key=idempotency_key,
        )
    ).parsed
