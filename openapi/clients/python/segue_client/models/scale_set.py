from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.scale_set_replicas import ScaleSetReplicas


T = TypeVar("T", bound="ScaleSet")


@_attrs_define
class ScaleSet:
    """Instances wanted by service.

    Attributes:
        replicas (ScaleSetReplicas): Instances wanted, by name of the service.
    """

    replicas: ScaleSetReplicas

    def to_dict(self) -> dict[str, Any]:
        replicas = self.replicas.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "replicas": replicas,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.scale_set_replicas import ScaleSetReplicas  # noqa: PLC0415

        d = dict(src_dict)
        replicas = ScaleSetReplicas.from_dict(d.pop("replicas"))

        scale_set = cls(
            replicas=replicas,
        )

        return scale_set
