from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.event import Event
    from ..models.instance import Instance
    from ..models.why_waiting_item import WhyWaitingItem


T = TypeVar("T", bound="Why")


@_attrs_define
class Why:
    """Why an instance is where and how it is.

    Attributes:
        instance (Instance): An instance.
        events (list[Event]): What happened to it, oldest first.
        waiting (list[WhyWaitingItem]): What its environment waits for, as the planner said it last.
    """

    instance: Instance
    events: list[Event]
    waiting: list[WhyWaitingItem]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        instance = self.instance.to_dict()

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        waiting = []
        for waiting_item_data in self.waiting:
            waiting_item = waiting_item_data.to_dict()
            waiting.append(waiting_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "instance": instance,
                "events": events,
                "waiting": waiting,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.event import Event  # noqa: PLC0415
        from ..models.instance import Instance  # noqa: PLC0415
        from ..models.why_waiting_item import WhyWaitingItem  # noqa: PLC0415

        d = dict(src_dict)
        instance = Instance.from_dict(d.pop("instance"))

        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = Event.from_dict(events_item_data)

            events.append(events_item)

        waiting = []
        _waiting = d.pop("waiting")
        for waiting_item_data in _waiting:
            waiting_item = WhyWaitingItem.from_dict(waiting_item_data)

            waiting.append(waiting_item)

        why = cls(
            instance=instance,
            events=events,
            waiting=waiting,
        )

        why.additional_properties = d
        return why

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
