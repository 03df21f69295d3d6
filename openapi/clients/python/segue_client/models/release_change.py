from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ReleaseChange")


@_attrs_define
class ReleaseChange:
    """One difference.

    Attributes:
        service (str): The service.
        what (str): What: `service`, `image`, `variable`, `command`, `port`, `resources`, `other`.
        before (str | Unset): In the older one; missing if there was none. Values of variables are not shown.
        after (str | Unset): In the newer one; missing if there is none. Values of variables are not shown.
    """

    service: str
    what: str
    before: str | Unset = UNSET
    after: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        service = self.service

        what = self.what

        before = self.before

        after = self.after

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "service": service,
                "what": what,
            }
        )
        if before is not UNSET:
            field_dict["before"] = before
        if after is not UNSET:
            field_dict["after"] = after

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        service = d.pop("service")

        what = d.pop("what")

        before = d.pop("before", UNSET)

        after = d.pop("after", UNSET)

        release_change = cls(
            service=service,
            what=what,
            before=before,
            after=after,
        )

        release_change.additional_properties = d
        return release_change

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
