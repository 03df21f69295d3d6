from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="QuotaSet")


@_attrs_define
class QuotaSet:
    """A quota. What is missing or null is not limited.

    Attributes:
        apps (int | None | Unset): Apps at most.
        cpu_millis (int | None | Unset): Thousandths of a core at most.
        memory_bytes (int | None | Unset): Bytes of memory at most.
    """

    apps: int | None | Unset = UNSET
    cpu_millis: int | None | Unset = UNSET
    memory_bytes: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        apps: int | None | Unset
        if isinstance(self.apps, Unset):
            apps = UNSET
        else:
            apps = self.apps

        cpu_millis: int | None | Unset
        if isinstance(self.cpu_millis, Unset):
            cpu_millis = UNSET
        else:
            cpu_millis = self.cpu_millis

        memory_bytes: int | None | Unset
        if isinstance(self.memory_bytes, Unset):
            memory_bytes = UNSET
        else:
            memory_bytes = self.memory_bytes

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if apps is not UNSET:
            field_dict["apps"] = apps
        if cpu_millis is not UNSET:
            field_dict["cpu_millis"] = cpu_millis
        if memory_bytes is not UNSET:
            field_dict["memory_bytes"] = memory_bytes

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_apps(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        apps = _parse_apps(d.pop("apps", UNSET))

        def _parse_cpu_millis(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        cpu_millis = _parse_cpu_millis(d.pop("cpu_millis", UNSET))

        def _parse_memory_bytes(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        memory_bytes = _parse_memory_bytes(d.pop("memory_bytes", UNSET))

        quota_set = cls(
            apps=apps,
            cpu_millis=cpu_millis,
            memory_bytes=memory_bytes,
        )

        return quota_set
