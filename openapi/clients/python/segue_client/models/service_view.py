from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.replicas import Replicas
    from ..models.service import Service


T = TypeVar("T", bound="ServiceView")


@_attrs_define
class ServiceView:
    """A service as it runs.

    Attributes:
        name (str): Its name.
        spec (Service): One service.
        replicas (Replicas): How many instances.
    """

    name: str
    spec: Service
    replicas: Replicas
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        spec = self.spec.to_dict()

        replicas = self.replicas.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "spec": spec,
                "replicas": replicas,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.replicas import Replicas  # noqa: PLC0415
        from ..models.service import Service  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        spec = Service.from_dict(d.pop("spec"))

        replicas = Replicas.from_dict(d.pop("replicas"))

        service_view = cls(
            name=name,
            spec=spec,
            replicas=replicas,
        )

        service_view.additional_properties = d
        return service_view

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
