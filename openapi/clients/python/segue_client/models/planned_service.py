from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.kind_word import KindWord
from ..types import UNSET, Unset

T = TypeVar("T", bound="PlannedService")


@_attrs_define
class PlannedService:
    """A service that would run.

    Attributes:
        name (str): Its name.
        kind (KindWord | str): What a service is for.
        replicas (int): How many of it.
        command (str | Unset): What starts it; none: what the image says.
        image (str | Unset): Its own image.
        port (int | Unset): Where it has to listen, given to it as `PORT`; none: the one port that the image exposes,
            else 8080.
    """

    name: str
    kind: KindWord | str
    replicas: int
    command: str | Unset = UNSET
    image: str | Unset = UNSET
    port: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        kind: str
        if isinstance(self.kind, KindWord):
            kind = self.kind.value
        else:
            kind = self.kind

        replicas = self.replicas

        command = self.command

        image = self.image

        port = self.port

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "kind": kind,
                "replicas": replicas,
            }
        )
        if command is not UNSET:
            field_dict["command"] = command
        if image is not UNSET:
            field_dict["image"] = image
        if port is not UNSET:
            field_dict["port"] = port

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        def _parse_kind(data: object) -> KindWord | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_kind_type_0 = KindWord(data)

                return componentsschemas_kind_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KindWord | str, data)

        kind = _parse_kind(d.pop("kind"))

        replicas = d.pop("replicas")

        command = d.pop("command", UNSET)

        image = d.pop("image", UNSET)

        port = d.pop("port", UNSET)

        planned_service = cls(
            name=name,
            kind=kind,
            replicas=replicas,
            command=command,
            image=image,
            port=port,
        )

        planned_service.additional_properties = d
        return planned_service

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
