from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="SpecDifference")


@_attrs_define
class SpecDifference:
    """A part of the specification that differs.

    Attributes:
        pointer (str): Where: a JSON pointer into the specification.
        value (str | Unset): In the first one, as JSON; missing if it is not there.
        other (str | Unset): In the second one, as JSON; missing if it is not there.
    """

    pointer: str
    value: str | Unset = UNSET
    other: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        pointer = self.pointer

        value = self.value

        other = self.other

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "pointer": pointer,
            }
        )
        if value is not UNSET:
            field_dict["value"] = value
        if other is not UNSET:
            field_dict["other"] = other

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        pointer = d.pop("pointer")

        value = d.pop("value", UNSET)

        other = d.pop("other", UNSET)

        spec_difference = cls(
            pointer=pointer,
            value=value,
            other=other,
        )

        spec_difference.additional_properties = d
        return spec_difference

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
