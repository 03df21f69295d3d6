from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ServiceVolume")


@_attrs_define
class ServiceVolume:
    """A volume.

    Attributes:
        path (str): Absolute path in the container.
        size_bytes (int): Size wanted, bytes; a bound for placement.
    """

    path: str
    size_bytes: int

    def to_dict(self) -> dict[str, Any]:
        path = self.path

        size_bytes = self.size_bytes

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "path": path,
                "size_bytes": size_bytes,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        path = d.pop("path")

        size_bytes = d.pop("size_bytes")

        service_volume = cls(
            path=path,
            size_bytes=size_bytes,
        )

        return service_volume
