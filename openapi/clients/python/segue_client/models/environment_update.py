from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="EnvironmentUpdate")


@_attrs_define
class EnvironmentUpdate:
    """What may change; members that are missing stay as they are (RFC 7396). Exactly one at a time.

    Attributes:
        protected (bool | Unset): Only admins change it.
        stopped (bool | Unset): Nothing of it shall run.
        ttl (int | None | Unset): Seconds that it lives from now on, 60 to 31536000; null: until somebody removes it. A
            push begins it anew.
    """

    protected: bool | Unset = UNSET
    stopped: bool | Unset = UNSET
    ttl: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        protected = self.protected

        stopped = self.stopped

        ttl: int | None | Unset
        if isinstance(self.ttl, Unset):
            ttl = UNSET
        else:
            ttl = self.ttl

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if protected is not UNSET:
            field_dict["protected"] = protected
        if stopped is not UNSET:
            field_dict["stopped"] = stopped
        if ttl is not UNSET:
            field_dict["ttl"] = ttl

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        protected = d.pop("protected", UNSET)

        stopped = d.pop("stopped", UNSET)

        def _parse_ttl(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        ttl = _parse_ttl(d.pop("ttl", UNSET))

        environment_update = cls(
            protected=protected,
            stopped=stopped,
            ttl=ttl,
        )

        return environment_update
