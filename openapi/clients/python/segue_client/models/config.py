from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.config_values import ConfigValues


T = TypeVar("T", bound="Config")


@_attrs_define
class Config:
    """The configuration of an environment.

    Attributes:
        version (int): 1 and up; 0 while nobody has set anything.
        values (ConfigValues): Environment variables that every service gets that runs the app's image.
        created_by (str | Unset): Who made this version.
        created_at (datetime.datetime | Unset): When.
        deployment (int | Unset): Number of the deployment that rolls the change out.
    """

    version: int
    values: ConfigValues
    created_by: str | Unset = UNSET
    created_at: datetime.datetime | Unset = UNSET
    deployment: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        version = self.version

        values = self.values.to_dict()

        created_by = self.created_by

        created_at: str | Unset = UNSET
        if not isinstance(self.created_at, Unset):
            created_at = self.created_at.isoformat()

        deployment = self.deployment

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "version": version,
                "values": values,
            }
        )
        if created_by is not UNSET:
            field_dict["created_by"] = created_by
        if created_at is not UNSET:
            field_dict["created_at"] = created_at
        if deployment is not UNSET:
            field_dict["deployment"] = deployment

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.config_values import ConfigValues  # noqa: PLC0415

        d = dict(src_dict)
        version = d.pop("version")

        values = ConfigValues.from_dict(d.pop("values"))

        created_by = d.pop("created_by", UNSET)

        _created_at = d.pop("created_at", UNSET)
        created_at: datetime.datetime | Unset
        if isinstance(_created_at, Unset):
            created_at = UNSET
        else:
            created_at = datetime.datetime.fromisoformat(_created_at)

        deployment = d.pop("deployment", UNSET)

        config = cls(
            version=version,
            values=values,
            created_by=created_by,
            created_at=created_at,
            deployment=deployment,
        )

        config.additional_properties = d
        return config

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
