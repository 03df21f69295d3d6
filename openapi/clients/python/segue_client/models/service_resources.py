from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="ServiceResources")


@_attrs_define
class ServiceResources:
    """Reservation and limits of one instance.

    Attributes:
        cpu_millis (int | Unset): Thousandths of a core reserved; a weight, not a quota. Default: 250.
        memory_bytes (int | Unset): Memory limit and reservation, bytes. Default: 536870912.
        pids (int | Unset): Processes and threads at most. Default: 512.
    """

    cpu_millis: int | Unset = 250
    memory_bytes: int | Unset = 536870912
    pids: int | Unset = 512

    def to_dict(self) -> dict[str, Any]:
        cpu_millis = self.cpu_millis

        memory_bytes = self.memory_bytes

        pids = self.pids

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if cpu_millis is not UNSET:
            field_dict["cpu_millis"] = cpu_millis
        if memory_bytes is not UNSET:
            field_dict["memory_bytes"] = memory_bytes
        if pids is not UNSET:
            field_dict["pids"] = pids

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        cpu_millis = d.pop("cpu_millis", UNSET)

        memory_bytes = d.pop("memory_bytes", UNSET)

        pids = d.pop("pids", UNSET)

        service_resources = cls(
            cpu_millis=cpu_millis,
            memory_bytes=memory_bytes,
            pids=pids,
        )

        return service_resources
