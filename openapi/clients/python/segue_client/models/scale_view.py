from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.scale_view_replicas import ScaleViewReplicas


T = TypeVar("T", bound="ScaleView")


@_attrs_define
class ScaleView:
    """Instances wanted by service, as they stand.

    Attributes:
        replicas (ScaleViewReplicas): Instances wanted, by name of the service.
    """

    replicas: ScaleViewReplicas
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        replicas = self.replicas.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "replicas": replicas,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.scale_view_replicas import ScaleViewReplicas  # noqa: PLC0415

        d = dict(src_dict)
        replicas = ScaleViewReplicas.from_dict(d.pop("replicas"))

        scale_view = cls(
            replicas=replicas,
        )

        scale_view.additional_properties = d
        return scale_view

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
