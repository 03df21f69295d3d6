from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.promoted_from import PromotedFrom
    from ..models.release_services import ReleaseServices


T = TypeVar("T", bound="Release")


@_attrs_define
class Release:
    """A release: what runs, immutable.

    Attributes:
        id (str): Its id.
        version (int): `v17`.
        services (ReleaseServices): Its services.
        message (str): What people say about it.
        created_by (str): Who made it.
        created_at (datetime.datetime): When.
        config_version (int | Unset): Version of the configuration that it has.
        commit (str | Unset): The commit that it was made from.
        origin (PromotedFrom | Unset): Where a promoted release came from.
        stable_at (datetime.datetime | Unset): When it was seen to be good.
    """

    id: str
    version: int
    services: ReleaseServices
    message: str
    created_by: str
    created_at: datetime.datetime
    config_version: int | Unset = UNSET
    commit: str | Unset = UNSET
    origin: PromotedFrom | Unset = UNSET
    stable_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        version = self.version

        services = self.services.to_dict()

        message = self.message

        created_by = self.created_by

        created_at = self.created_at.isoformat()

        config_version = self.config_version

        commit = self.commit

        origin: dict[str, Any] | Unset = UNSET
        if not isinstance(self.origin, Unset):
            origin = self.origin.to_dict()

        stable_at: str | Unset = UNSET
        if not isinstance(self.stable_at, Unset):
            stable_at = self.stable_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "version": version,
                "services": services,
                "message": message,
                "created_by": created_by,
                "created_at": created_at,
            }
        )
        if config_version is not UNSET:
            field_dict["config_version"] = config_version
        if commit is not UNSET:
            field_dict["commit"] = commit
        if origin is not UNSET:
            field_dict["origin"] = origin
        if stable_at is not UNSET:
            field_dict["stable_at"] = stable_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.promoted_from import PromotedFrom  # noqa: PLC0415
        from ..models.release_services import ReleaseServices  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        version = d.pop("version")

        services = ReleaseServices.from_dict(d.pop("services"))

        message = d.pop("message")

        created_by = d.pop("created_by")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        config_version = d.pop("config_version", UNSET)

        commit = d.pop("commit", UNSET)

        _origin = d.pop("origin", UNSET)
        origin: PromotedFrom | Unset
        if isinstance(_origin, Unset):
            origin = UNSET
        else:
            origin = PromotedFrom.from_dict(_origin)

        _stable_at = d.pop("stable_at", UNSET)
        stable_at: datetime.datetime | Unset
        if isinstance(_stable_at, Unset):
            stable_at = UNSET
        else:
            stable_at = datetime.datetime.fromisoformat(_stable_at)

        release = cls(
            id=id,
            version=version,
            services=services,
            message=message,
            created_by=created_by,
            created_at=created_at,
            config_version=config_version,
            commit=commit,
            origin=origin,
            stable_at=stable_at,
        )

        release.additional_properties = d
        return release

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
