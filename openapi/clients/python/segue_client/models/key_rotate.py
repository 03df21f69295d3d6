from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="KeyRotate")


@_attrs_define
class KeyRotate:
    """How to change the key.

    Attributes:
        at_once (bool | Unset): Ends the older keys now, and every access token with them: for keys that somebody else
            has seen. People who are
            signed in notice nothing but one more refresh.
    """

    at_once: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        at_once = self.at_once

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if at_once is not UNSET:
            field_dict["at_once"] = at_once

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        at_once = d.pop("at_once", UNSET)

        key_rotate = cls(
            at_once=at_once,
        )

        return key_rotate
