from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.config import Config
from ...models.config_patch import ConfigPatch
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    team: str,
    app: str,
    env: str,
    *,
    body: ConfigPatch,
    deploy: bool | Unset = UNSET,
    if_match: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match

    params: dict[str, Any] = {}

    params["deploy"] = deploy

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/v1/teams/{team}/apps/{app}/envs/{env}/config".format(
            team=quote(str(team), safe=""),
            app=quote(str(app), safe=""),
            env=quote(str(env), safe=""),
        ),
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/merge-patch+json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Config | Problem | None:
    if response.status_code == 200:
        response_200 = Config.from_dict(response.json())

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Config | Problem]:
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
    body: ConfigPatch,
    deploy: bool | Unset = UNSET,
    if_match: str | Unset = UNSET,
) -> Response[Config | Problem]:
    """Sets and removes variables and rolls the change out. Of two people who change what both have read,
    the second is
    told 412 and which variables moved, if `If-Match` says what the change is based on.

    Args:
        team (str):
        app (str):
        env (str):
        deploy (bool | Unset):
        if_match (str | Unset):
        body (ConfigPatch): Variables to set; null removes one (RFC 7396).

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Config | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        body=body,
        deploy=deploy,
        if_match=if_match,
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
    body: ConfigPatch,
    deploy: bool | Unset = UNSET,
    if_match: str | Unset = UNSET,
) -> Config | Problem | None:
    """Sets and removes variables and rolls the change out. Of two people who change what both have read,
    the second is
    told 412 and which variables moved, if `If-Match` says what the change is based on.

    Args:
        team (str):
        app (str):
        env (str):
        deploy (bool | Unset):
        if_match (str | Unset):
        body (ConfigPatch): Variables to set; null removes one (RFC 7396).

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Config | Problem
    """

    return sync_detailed(
        team=team,
        app=app,
        env=env,
        client=client,
        body=body,
        deploy=deploy,
        if_match=if_match,
    ).parsed


async def asyncio_detailed(
    team: str,
    app: str,
    env: str,
    *,
    client: AuthenticatedClient | Client,
    body: ConfigPatch,
    deploy: bool | Unset = UNSET,
    if_match: str | Unset = UNSET,
) -> Response[Config | Problem]:
    """Sets and removes variables and rolls the change out. Of two people who change what both have read,
    the second is
    told 412 and which variables moved, if `If-Match` says what the change is based on.

    Args:
        team (str):
        app (str):
        env (str):
        deploy (bool | Unset):
        if_match (str | Unset):
        body (ConfigPatch): Variables to set; null removes one (RFC 7396).

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Config | Problem]
    """

    kwargs = _get_kwargs(
        team=team,
        app=app,
        env=env,
        body=body,
        deploy=deploy,
        if_match=if_match,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    app: str,
    env: str,
    *,
    client: AuthenticatedClient | Client,
    body: ConfigPatch,
    deploy: bool | Unset = UNSET,
    if_match: str | Unset = UNSET,
) -> Config | Problem | None:
    """Sets and removes variables and rolls the change out. Of two people who change what both have read,
    the second is
    told 412 and which variables moved, if `If-Match` says what the change is based on.

    Args:
        team (str):
        app (str):
        env (str):
        deploy (bool | Unset):
        if_match (str | Unset):
        body (ConfigPatch): Variables to set; null removes one (RFC 7396).

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Config | Problem
    """

    return (
        await asyncio_detailed(
            team=team,
            app=app,
            env=env,
            client=client,
            body=body,
            deploy=deploy,
            if_match=if_match,
        )
    ).parsed
