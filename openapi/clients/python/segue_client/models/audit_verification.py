from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.audit_checkpoint import AuditCheckpoint


T = TypeVar("T", bound="AuditVerification")


@_attrs_define
class AuditVerification:
    """What verifying the chain found.

    Attributes:
        whole (bool): Whether every record follows from the one before it, up to the newest, and is what was signed and
            kept.
        records (int): Records that were found to be good.
        first_bad (int | Unset): Number of the first record that was changed, removed or moved, also of one that is
            missing at the end; missing if
            there is none.
        first_bad_checkpoint (int | Unset): Number of the signed checkpoint that shows it, where the chain by itself
            does not.
        checkpoints (int | Unset): Signed checkpoints that were found to be good; missing in a broken log.
        newest_checkpoint (AuditCheckpoint | Unset): The end of the log at a moment, signed by the server.
    """

    whole: bool
    records: int
    first_bad: int | Unset = UNSET
    first_bad_checkpoint: int | Unset = UNSET
    checkpoints: int | Unset = UNSET
    newest_checkpoint: AuditCheckpoint | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        whole = self.whole

        records = self.records

        first_bad = self.first_bad

        first_bad_checkpoint = self.first_bad_checkpoint

        checkpoints = self.checkpoints

        newest_checkpoint: dict[str, Any] | Unset = UNSET
        if not isinstance(self.newest_checkpoint, Unset):
            newest_checkpoint = self.newest_checkpoint.to_dict()

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
        if first_bad_checkpoint is not UNSET:
            field_dict["first_bad_checkpoint"] = first_bad_checkpoint
        if checkpoints is not UNSET:
            field_dict["checkpoints"] = checkpoints
        if newest_checkpoint is not UNSET:
            field_dict["newest_checkpoint"] = newest_checkpoint

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.audit_checkpoint import AuditCheckpoint  # noqa: PLC0415

        d = dict(src_dict)
        whole = d.pop("whole")

        records = d.pop("records")

        first_bad = d.pop("first_bad", UNSET)

        first_bad_checkpoint = d.pop("first_bad_checkpoint", UNSET)

        checkpoints = d.pop("checkpoints", UNSET)

        _newest_checkpoint = d.pop("newest_checkpoint", UNSET)
        newest_checkpoint: AuditCheckpoint | Unset
        if isinstance(_newest_checkpoint, Unset):
            newest_checkpoint = UNSET
        else:
            newest_checkpoint = AuditCheckpoint.from_dict(_newest_checkpoint)

        audit_verification = cls(
            whole=whole,
            records=records,
            first_bad=first_bad,
            first_bad_checkpoint=first_bad_checkpoint,
            checkpoints=checkpoints,
            newest_checkpoint=newest_checkpoint,
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
