from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem import Problem
from ...models.webhook_delivered import WebhookDelivered
from ...types import UNSET, Response, Unset


def _get_kwargs(
    team: str,
    webhook: str,
    delivery: str,
    *,
    idempotency_key: None | str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/teams/{team}/webhooks/{webhook}/deliveries/{delivery}/retry".format(
            team=quote(str(team), safe=""),
            webhook=quote(str(webhook), safe=""),
            delivery=quote(str(delivery), safe=""),
        ),
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | WebhookDelivered | None:
    if response.status_code == 202:
        response_202 = WebhookDelivered.from_dict(response.json())

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
) -> Response[Problem | WebhookDelivered]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    team: str,
    webhook: str,
    delivery: str,
    *,
    client: AuthenticatedClient | Client,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[Problem | WebhookDelivered]:
    """Tells a webhook once more what it was told, under the same id, also one that is not enabled. One
    that was given up is
    tried once more; what becomes of it is in the deliveries.

    Args:
        team (str):
        webhook (str):
        delivery (str):
        idempotency_key (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | WebhookDelivered]
    """

    kwargs = _get_kwargs(
        team=team,
        webhook=webhook,
        delivery=delivery,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    team: str,
    webhook: str,
    delivery: str,
    *,
    client: AuthenticatedClient | Client,
    idempotency_key: None | str | Unset = UNSET,
) -> Problem | WebhookDelivered | None:
    """Tells a webhook once more what it was told, under the same id, also one that is not enabled. One
    that was given up is
    tried once more; what becomes of it is in the deliveries.

    Args:
        team (str):
        webhook (str):
        delivery (str):
        idempotency_key (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | WebhookDelivered
    """

    return sync_detailed(
        team=team,
        webhook=webhook,
        delivery=delivery,
        client=client,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    team: str,
    webhook: str,
    delivery: str,
    *,
    client: AuthenticatedClient | Client,
    idempotency_key: None | str | Unset = UNSET,
) -> Response[Problem | WebhookDelivered]:
    """Tells a webhook once more what it was told, under the same id, also one that is not enabled. One
    that was given up is
    tried once more; what becomes of it is in the deliveries.

    Args:
        team (str):
        webhook (str):
        delivery (str):
        idempotency_key (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | WebhookDelivered]
    """

    kwargs = _get_kwargs(
        team=team,
        webhook=webhook,
        delivery=delivery,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    team: str,
    webhook: str,
    delivery: str,
    *,
    client: AuthenticatedClient | Client,
    idempotency_key: None | str | Unset = UNSET,
) -> Problem | WebhookDelivered | None:
    """Tells a webhook once more what it was told, under the same id, also one that is not enabled. One
    that was given up is
    tried once more; what becomes of it is in the deliveries.

    Args:
        team (str):
        webhook (str):
        delivery (str):
        idempotency_key (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | WebhookDelivered
    """

    return (
        await asyncio_detailed(
            team=team,
            webhook=webhook,
            delivery=delivery,
            client=client,
            idempotency_key=idempotency_key,
        )
    ).parsed
