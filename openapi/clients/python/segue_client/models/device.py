from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Device")


@_attrs_define
class Device:
    """A device that waits for its person.

    Attributes:
        user_code (str): The code that it shows.
        client_name (str): What it calls itself.
        created_at (datetime.datetime): When it asked.
        expires_at (datetime.datetime): When it ends.
        address (str | Unset): Where it asked from.
    """

    user_code: str
    client_name: str
    created_at: datetime.datetime
    expires_at: datetime.datetime
    address: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        user_code = self.user_code

        client_name = self.client_name

        created_at = self.created_at.isoformat()

        expires_at = self.expires_at.isoformat()

        address = self.address

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "user_code": user_code,
                "client_name": client_name,
                "created_at": created_at,
                "expires_at": expires_at,
            }
        )
        if address is not UNSET:
            field_dict["address"] = address

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        user_code = d.pop("user_code")

        client_name = d.pop("client_name")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        address = d.pop("address", UNSET)

        device = cls(
            user_code=user_code,
            client_name=client_name,
            created_at=created_at,
            expires_at=expires_at,
            address=address,
        )

        device.additional_properties = d
        return device

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
