from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.environment_spec import EnvironmentSpec
    from ..models.planned_change import PlannedChange


T = TypeVar("T", bound="SpecView")


@_attrs_define
class SpecView:
    """The specification of an environment with its version.

    Attributes:
        version (int): 1 and up; 0 while nobody has written one.
        generation (int): The environment's generation with it; also the `ETag`.
        spec (EnvironmentSpec): What an environment shall be: its services, how its image is built, how releases are
            rolled out.
        created_by (str | Unset): Who wrote it.
        created_at (datetime.datetime | Unset): When.
        plan (list[PlannedChange] | Unset): With `dry_run`: what the next deployment would change.
    """

    version: int
    generation: int
    spec: EnvironmentSpec
    created_by: str | Unset = UNSET
    created_at: datetime.datetime | Unset = UNSET
    plan: list[PlannedChange] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        version = self.version

        generation = self.generation

        spec = self.spec.to_dict()

        created_by = self.created_by

        created_at: str | Unset = UNSET
        if not isinstance(self.created_at, Unset):
            created_at = self.created_at.isoformat()

        plan: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.plan, Unset):
            plan = []
            for plan_item_data in self.plan:
                plan_item = plan_item_data.to_dict()
                plan.append(plan_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "version": version,
                "generation": generation,
                "spec": spec,
            }
        )
        if created_by is not UNSET:
            field_dict["created_by"] = created_by
        if created_at is not UNSET:
            field_dict["created_at"] = created_at
        if plan is not UNSET:
            field_dict["plan"] = plan

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.environment_spec import EnvironmentSpec  # noqa: PLC0415
        from ..models.planned_change import PlannedChange  # noqa: PLC0415

        d = dict(src_dict)
        version = d.pop("version")

        generation = d.pop("generation")

        spec = EnvironmentSpec.from_dict(d.pop("spec"))

        created_by = d.pop("created_by", UNSET)

        _created_at = d.pop("created_at", UNSET)
        created_at: datetime.datetime | Unset
        if isinstance(_created_at, Unset):
            created_at = UNSET
        else:
            created_at = datetime.datetime.fromisoformat(_created_at)

        _plan = d.pop("plan", UNSET)
        plan: list[PlannedChange] | Unset = UNSET
        if _plan is not UNSET:
            plan = []
            for plan_item_data in _plan:
                plan_item = PlannedChange.from_dict(plan_item_data)

                plan.append(plan_item)

        spec_view = cls(
            version=version,
            generation=generation,
            spec=spec,
            created_by=created_by,
            created_at=created_at,
            plan=plan,
        )

        spec_view.additional_properties = d
        return spec_view

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
