from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.service import Service


T = TypeVar("T", bound="ReleasedService")


@_attrs_define
class ReleasedService:
    """A service of a release.

    Attributes:
        spec (Service): One service.
        image (str): Its image: a name, a build, or a content address.
        variables (list[str]): Names of its environment variables; values are in `config` and `secrets`.
        restarts (int): How often it was restarted by people.
    """

    spec: Service
    image: str
    variables: list[str]
    restarts: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        spec = self.spec.to_dict()

        image = self.image

        variables = self.variables

        restarts = self.restarts

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "spec": spec,
                "image": image,
                "variables": variables,
                "restarts": restarts,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.service import Service  # noqa: PLC0415

        d = dict(src_dict)
        spec = Service.from_dict(d.pop("spec"))

        image = d.pop("image")

        variables = cast(list[str], d.pop("variables"))

        restarts = d.pop("restarts")

        released_service = cls(
            spec=spec,
            image=image,
            variables=variables,
            restarts=restarts,
        )

        released_service.additional_properties = d
        return released_service

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
