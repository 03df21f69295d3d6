from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="MemberAdd")


@_attrs_define
class MemberAdd:
    """A person to add.

    Attributes:
        email (str): Their address.
        role (str): What they may do: `viewer`, `deployer`, `admin`, `owner`; at most the own role.
        name (str | Unset): Their name, if they are not known yet.
    """

    email: str
    role: str
    name: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        role = self.role

        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "email": email,
                "role": role,
            }
        )
        if name is not UNSET:
            field_dict["name"] = name

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        email = d.pop("email")

        role = d.pop("role")

        name = d.pop("name", UNSET)

        member_add = cls(
            email=email,
            role=role,
            name=name,
        )

        return member_add
