from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.device_ask import DeviceAsk
from ...models.device_token import DeviceToken
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    *,
    body: DeviceAsk,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/device/token",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> DeviceToken | Problem | None:
    if response.status_code == 200:
        response_200 = DeviceToken.from_dict(response.json())

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
) -> Response[DeviceToken | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: DeviceAsk,
) -> Response[DeviceToken | Problem]:
    """The device asks whether its person has decided.

     Until then the answer is a problem with the code `authorization_pending`; `slow_down` if it asks
    more often than it
    was told, and it waits five seconds longer from then on; `access_denied` if the person turned it
    away;
    `expired_token` after 15 minutes or a second time.

    Args:
        body (DeviceAsk): The device asks.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeviceToken | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: DeviceAsk,
) -> DeviceToken | Problem | None:
    """The device asks whether its person has decided.

     Until then the answer is a problem with the code `authorization_pending`; `slow_down` if it asks
    more often than it
    was told, and it waits five seconds longer from then on; `access_denied` if the person turned it
    away;
    `expired_token` after 15 minutes or a second time.

    Args:
        body (DeviceAsk): The device asks.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeviceToken | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: DeviceAsk,
) -> Response[DeviceToken | Problem]:
    """The device asks whether its person has decided.

     Until then the answer is a problem with the code `authorization_pending`; `slow_down` if it asks
    more often than it
    was told, and it waits five seconds longer from then on; `access_denied` if the person turned it
    away;
    `expired_token` after 15 minutes or a second time.

    Args:
        body (DeviceAsk): The device asks.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[DeviceToken | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: DeviceAsk,
) -> DeviceToken | Problem | None:
    """The device asks whether its person has decided.

     Until then the answer is a problem with the code `authorization_pending`; `slow_down` if it asks
    more often than it
    was told, and it waits five seconds longer from then on; `access_denied` if the person turned it
    away;
    `expired_token` after 15 minutes or a second time.

    Args:
        body (DeviceAsk): The device asks.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        DeviceToken | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
