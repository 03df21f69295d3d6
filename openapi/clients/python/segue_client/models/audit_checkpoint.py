from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="AuditCheckpoint")


@_attrs_define
class AuditCheckpoint:
    """The end of the log at a moment, signed by the server.

    Attributes:
        number (int): Its number in the team, from 1.
        seq (int): The record.
        hash_ (str): The record's hash.
        at (datetime.datetime): When it was signed.
        key_id (str): The key: 16 digits of the SHA-256 of its public half.
        public_key (str): Public half of the key (Ed25519), hexadecimal.
        signature (str): Signature over `segue audit checkpoint v1`, the team's UUID, `number`, `seq`, `hash`,
            microseconds of `at`, and
            `key_id`, each behind its length in eight bytes; numbers in eight bytes. Hexadecimal.
    """

    number: int
    seq: int
    hash_: str
    at: datetime.datetime
    key_id: str
    public_key: str
    signature: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        number = self.number

        seq = self.seq

        hash_ = self.hash_

        at = self.at.isoformat()

        key_id = self.key_id

        public_key = self.public_key

        signature = self.signature

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "number": number,
                "seq": seq,
                "hash": hash_,
                "at": at,
                "key_id": key_id,
                "public_key": public_key,
                "signature": signature,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        number = d.pop("number")

        seq = d.pop("seq")

        hash_ = d.pop("hash")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        key_id = d.pop("key_id")

        public_key = d.pop("public_key")

        signature = d.pop("signature")

        audit_checkpoint = cls(
            number=number,
            seq=seq,
            hash_=hash_,
            at=at,
            key_id=key_id,
            public_key=public_key,
            signature=signature,
        )

        audit_checkpoint.additional_properties = d
        return audit_checkpoint

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
