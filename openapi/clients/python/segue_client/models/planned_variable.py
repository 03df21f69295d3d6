from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="PlannedVariable")


@_attrs_define
class PlannedVariable:
    """A variable that the source asks for.

    Attributes:
        key (str): Its key.
        origin (str): Where its value comes from: `value`, `service`, `generated`, or `person`.
        required (bool): Nothing is deployed without it.
        set_ (bool): The environment has a value for it.
        value (str | Unset): The value that the source gives.
    """

    key: str
    origin: str
    required: bool
    set_: bool
    value: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        key = self.key

        origin = self.origin

        required = self.required

        set_ = self.set_

        value = self.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "key": key,
                "origin": origin,
                "required": required,
                "set": set_,
            }
        )
        if value is not UNSET:
            field_dict["value"] = value

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        key = d.pop("key")

        origin = d.pop("origin")

        required = d.pop("required")

        set_ = d.pop("set")

        value = d.pop("value", UNSET)

        planned_variable = cls(
            key=key,
            origin=origin,
            required=required,
            set_=set_,
            value=value,
        )

        planned_variable.additional_properties = d
        return planned_variable

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
