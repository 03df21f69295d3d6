from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Session")


@_attrs_define
class Session:
    """A sign-in of the person at one place.

    Attributes:
        id (str): Its id.
        created_at (datetime.datetime): When it began.
        used_at (datetime.datetime): When it was last renewed: within ten minutes of its last use.
        expires_at (datetime.datetime): When it ends.
        client (str): What the browser called itself.
        current (bool): Whether this request was made with it.
        address (str | Unset): Where it came from.
    """

    id: str
    created_at: datetime.datetime
    used_at: datetime.datetime
    expires_at: datetime.datetime
    client: str
    current: bool
    address: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        created_at = self.created_at.isoformat()

        used_at = self.used_at.isoformat()

        expires_at = self.expires_at.isoformat()

        client = self.client

        current = self.current

        address = self.address

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "created_at": created_at,
                "used_at": used_at,
                "expires_at": expires_at,
                "client": client,
                "current": current,
            }
        )
        if address is not UNSET:
            field_dict["address"] = address

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        used_at = datetime.datetime.fromisoformat(d.pop("used_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        client = d.pop("client")

        current = d.pop("current")

        address = d.pop("address", UNSET)

        session = cls(
            id=id,
            created_at=created_at,
            used_at=used_at,
            expires_at=expires_at,
            client=client,
            current=current,
            address=address,
        )

        session.additional_properties = d
        return session

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
