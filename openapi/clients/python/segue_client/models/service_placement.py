from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.service_placement_require import ServicePlacementRequire


T = TypeVar("T", bound="ServicePlacement")


@_attrs_define
class ServicePlacement:
    """Where a service may run.

    Attributes:
        require (ServicePlacementRequire | Unset): Labels that a host must have.
        one_per_host (bool | Unset): At most one instance per host. Default: False.
    """

    require: ServicePlacementRequire | Unset = UNSET
    one_per_host: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        require: dict[str, Any] | Unset = UNSET
        if not isinstance(self.require, Unset):
            require = self.require.to_dict()

        one_per_host = self.one_per_host

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if require is not UNSET:
            field_dict["require"] = require
        if one_per_host is not UNSET:
            field_dict["one_per_host"] = one_per_host

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.service_placement_require import ServicePlacementRequire  # noqa: PLC0415

        d = dict(src_dict)
        _require = d.pop("require", UNSET)
        require: ServicePlacementRequire | Unset
        if isinstance(_require, Unset):
            require = UNSET
        else:
            require = ServicePlacementRequire.from_dict(_require)

        one_per_host = d.pop("one_per_host", UNSET)

        service_placement = cls(
            require=require,
            one_per_host=one_per_host,
        )

        return service_placement
