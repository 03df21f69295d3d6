from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.webhook_delivered_payload import WebhookDeliveredPayload


T = TypeVar("T", bound="WebhookDelivered")


@_attrs_define
class WebhookDelivered:
    """Something that was told, or is to be.

    Attributes:
        id (str): Its id; also the `webhook-id`.
        kind (str): Kind of the event.
        payload (WebhookDeliveredPayload): What is sent.
        state (str): What became of it: `pending`, `delivered`, `failed`.
        attempts (int): Tries.
        detail (str): Why the last try failed.
        created_at (datetime.datetime): When it happened.
        next_at (datetime.datetime | Unset): When it is tried again.
        attempted_at (datetime.datetime | Unset): When it was tried last.
        status (int | Unset): Status of the last answer.
    """

    id: str
    kind: str
    payload: WebhookDeliveredPayload
    state: str
    attempts: int
    detail: str
    created_at: datetime.datetime
    next_at: datetime.datetime | Unset = UNSET
    attempted_at: datetime.datetime | Unset = UNSET
    status: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        kind = self.kind

        payload = self.payload.to_dict()

        state = self.state

        attempts = self.attempts

        detail = self.detail

        created_at = self.created_at.isoformat()

        next_at: str | Unset = UNSET
        if not isinstance(self.next_at, Unset):
            next_at = self.next_at.isoformat()

        attempted_at: str | Unset = UNSET
        if not isinstance(self.attempted_at, Unset):
            attempted_at = self.attempted_at.isoformat()

        status = self.status

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "kind": kind,
                "payload": payload,
                "state": state,
                "attempts": attempts,
                "detail": detail,
                "created_at": created_at,
            }
        )
        if next_at is not UNSET:
            field_dict["next_at"] = next_at
        if attempted_at is not UNSET:
            field_dict["attempted_at"] = attempted_at
        if status is not UNSET:
            field_dict["status"] = status

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.webhook_delivered_payload import WebhookDeliveredPayload  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        kind = d.pop("kind")

        payload = WebhookDeliveredPayload.from_dict(d.pop("payload"))

        state = d.pop("state")

        attempts = d.pop("attempts")

        detail = d.pop("detail")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        _next_at = d.pop("next_at", UNSET)
        next_at: datetime.datetime | Unset
        if isinstance(_next_at, Unset):
            next_at = UNSET
        else:
            next_at = datetime.datetime.fromisoformat(_next_at)

        _attempted_at = d.pop("attempted_at", UNSET)
        attempted_at: datetime.datetime | Unset
        if isinstance(_attempted_at, Unset):
            attempted_at = UNSET
        else:
            attempted_at = datetime.datetime.fromisoformat(_attempted_at)

        status = d.pop("status", UNSET)

        webhook_delivered = cls(
            id=id,
            kind=kind,
            payload=payload,
            state=state,
            attempts=attempts,
            detail=detail,
            created_at=created_at,
            next_at=next_at,
            attempted_at=attempted_at,
            status=status,
        )

        webhook_delivered.additional_properties = d
        return webhook_delivered

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
