from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ResetLink")


@_attrs_define
class ResetLink:
    """A link by which a person sets a new password.

    Attributes:
        link (str): What the person opens: only in this answer, never again.
        expires_at (datetime.datetime): When it ends.
        mailed (bool): Whether the server sends it to the person's address too.
    """

    link: str
    expires_at: datetime.datetime
    mailed: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        link = self.link

        expires_at = self.expires_at.isoformat()

        mailed = self.mailed

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "link": link,
                "expires_at": expires_at,
                "mailed": mailed,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        link = d.pop("link")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        mailed = d.pop("mailed")

        reset_link = cls(
            link=link,
            expires_at=expires_at,
            mailed=mailed,
        )

        reset_link.additional_properties = d
        return reset_link

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
