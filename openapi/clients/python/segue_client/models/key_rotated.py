from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="KeyRotated")


@_attrs_define
class KeyRotated:
    """A key that was made.

    Attributes:
        kid (str): Names the new key.
        signs_from (datetime.datetime): It signs from then on, when every server knows it.
        older_until (datetime.datetime): The keys before it verify until then.
    """

    kid: str
    signs_from: datetime.datetime
    older_until: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        kid = self.kid

        signs_from = self.signs_from.isoformat()

        older_until = self.older_until.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "kid": kid,
                "signs_from": signs_from,
                "older_until": older_until,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kid = d.pop("kid")

        signs_from = datetime.datetime.fromisoformat(d.pop("signs_from"))

        older_until = datetime.datetime.fromisoformat(d.pop("older_until"))

        key_rotated = cls(
            kid=kid,
            signs_from=signs_from,
            older_until=older_until,
        )

        key_rotated.additional_properties = d
        return key_rotated

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
