from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="DeviceStart")


@_attrs_define
class DeviceStart:
    """A device that wants to sign in.

    Attributes:
        client_name (str): What the person will see, and what the token will be called: `segue on laptop`.
    """

    client_name: str

    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "client_name": client_name,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        device_start = cls(
            client_name=client_name,
        )

        return device_start
