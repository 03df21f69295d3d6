from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.audit_record_detail import AuditRecordDetail


T = TypeVar("T", bound="AuditRecord")


@_attrs_define
class AuditRecord:
    """What somebody did: one record per write, in the same transaction.

    Attributes:
        seq (int): Its number in the team's chain, from 1.
        at (datetime.datetime): When.
        actor (str): Who: id of a person or token, or a part of Segue.
        actor_name (str): The name that they have now.
        action (str): The operation.
        resource (str): To what, by id.
        detail (AuditRecordDetail): How; no values of configuration and secrets.
        hash_ (str): SHA-256 over the hash of the record before and everything of this one but `actor_name`.
        request_id (str | Unset): The request, as in the server's log.
        address (str | Unset): The address that asked.
    """

    seq: int
    at: datetime.datetime
    actor: str
    actor_name: str
    action: str
    resource: str
    detail: AuditRecordDetail
    hash_: str
    request_id: str | Unset = UNSET
    address: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        seq = self.seq

        at = self.at.isoformat()

        actor = self.actor

        actor_name = self.actor_name

        action = self.action

        resource = self.resource

        detail = self.detail.to_dict()

        hash_ = self.hash_

        request_id = self.request_id

        address = self.address

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "seq": seq,
                "at": at,
                "actor": actor,
                "actor_name": actor_name,
                "action": action,
                "resource": resource,
                "detail": detail,
                "hash": hash_,
            }
        )
        if request_id is not UNSET:
            field_dict["request_id"] = request_id
        if address is not UNSET:
            field_dict["address"] = address

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.audit_record_detail import AuditRecordDetail  # noqa: PLC0415

        d = dict(src_dict)
        seq = d.pop("seq")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        actor = d.pop("actor")

        actor_name = d.pop("actor_name")

        action = d.pop("action")

        resource = d.pop("resource")

        detail = AuditRecordDetail.from_dict(d.pop("detail"))

        hash_ = d.pop("hash")

        request_id = d.pop("request_id", UNSET)

        address = d.pop("address", UNSET)

        audit_record = cls(
            seq=seq,
            at=at,
            actor=actor,
            actor_name=actor_name,
            action=action,
            resource=resource,
            detail=detail,
            hash_=hash_,
            request_id=request_id,
            address=address,
        )

        audit_record.additional_properties = d
        return audit_record

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
