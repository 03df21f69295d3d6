from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.planned_action_word import PlannedActionWord

T = TypeVar("T", bound="PlannedChange")


@_attrs_define
class PlannedChange:
    """What a specification would change about one service.

    Attributes:
        service (str): The service.
        action (PlannedActionWord | str): What happens to a service.
        replicas_before (int): Instances before.
        replicas_after (int): Instances after.
        downtime (bool): Whether users may notice: the old instances must stop before the new ones start.
        reason (str): Why, in one sentence.
    """

    service: str
    action: PlannedActionWord | str
    replicas_before: int
    replicas_after: int
    downtime: bool
    reason: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        service = self.service

        action: str
        if isinstance(self.action, PlannedActionWord):
            action = self.action.value
        else:
            action = self.action

        replicas_before = self.replicas_before

        replicas_after = self.replicas_after

        downtime = self.downtime

        reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "service": service,
                "action": action,
                "replicas_before": replicas_before,
                "replicas_after": replicas_after,
                "downtime": downtime,
                "reason": reason,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        service = d.pop("service")

        def _parse_action(data: object) -> PlannedActionWord | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_planned_action_type_0 = PlannedActionWord(data)

                return componentsschemas_planned_action_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(PlannedActionWord | str, data)

        action = _parse_action(d.pop("action"))

        replicas_before = d.pop("replicas_before")

        replicas_after = d.pop("replicas_after")

        downtime = d.pop("downtime")

        reason = d.pop("reason")

        planned_change = cls(
            service=service,
            action=action,
            replicas_before=replicas_before,
            replicas_after=replicas_after,
            downtime=downtime,
            reason=reason,
        )

        planned_change.additional_properties = d
        return planned_change

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
