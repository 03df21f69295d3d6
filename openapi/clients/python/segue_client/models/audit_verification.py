from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AuditVerification")


@_attrs_define
class AuditVerification:
    """What verifying the chain found.

    Attributes:
        whole (bool): Whether every record follows from the one before it, up to the newest.
        records (int): Records that were found to be good.
        first_bad (int | Unset): Number of the first record that was changed, removed or moved; missing if there is
            none.
    """

    whole: bool
    records: int
    first_bad: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        whole = self.whole

        records = self.records

        first_bad = self.first_bad

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "whole": whole,
                "records": records,
            }
        )
        if first_bad is not UNSET:
            field_dict["first_bad"] = first_bad

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        whole = d.pop("whole")

        records = d.pop("records")

        first_bad = d.pop("first_bad", UNSET)

        audit_verification = cls(
            whole=whole,
            records=records,
            first_bad=first_bad,
        )

        audit_verification.additional_properties = d
        return audit_verification

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
