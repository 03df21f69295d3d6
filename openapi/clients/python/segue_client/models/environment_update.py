from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="EnvironmentUpdate")


@_attrs_define
class EnvironmentUpdate:
    """What may change; members that are missing stay as they are (RFC 7396). Exactly one at a time.

    Attributes:
        protected (bool | Unset): Only admins change it.
        stopped (bool | Unset): Nothing of it shall run.
    """

    protected: bool | Unset = UNSET
    stopped: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        protected = self.protected

        stopped = self.stopped

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if protected is not UNSET:
            field_dict["protected"] = protected
        if stopped is not UNSET:
            field_dict["stopped"] = stopped

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        protected = d.pop("protected", UNSET)

        stopped = d.pop("stopped", UNSET)

        environment_update = cls(
            protected=protected,
            stopped=stopped,
        )

        return environment_update
