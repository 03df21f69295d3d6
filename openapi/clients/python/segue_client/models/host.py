from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.host_labels import HostLabels


T = TypeVar("T", bound="Host")


@_attrs_define
class Host:
    """A host: a Docker engine.

    Attributes:
        id (str): Its id.
        name (str): Its name.
        state (str): `joining`, `ready`, `suspect`, `lost`, `returning`, `removed`.
        cordoned (bool): Takes nothing new.
        labels (HostLabels): Its labels.
        cpu_millis (int): Thousandths of a core it has.
        memory_bytes (int): Memory it has, bytes.
        reserved_cpu_millis (int): Thousandths of a core that instances reserved.
        reserved_memory_bytes (int): Memory that instances reserved, bytes.
        instances (int): Instances whose container may exist.
        engine_version (str | Unset): Version of its engine.
        listed_at (datetime.datetime | Unset): When its containers were last listed completely.
        problem (str | Unset): What is wrong with it.
    """

    id: str
    name: str
    state: str
    cordoned: bool
    labels: HostLabels
    cpu_millis: int
    memory_bytes: int
    reserved_cpu_millis: int
    reserved_memory_bytes: int
    instances: int
    engine_version: str | Unset = UNSET
    listed_at: datetime.datetime | Unset = UNSET
    problem: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        state = self.state

        cordoned = self.cordoned

        labels = self.labels.to_dict()

        cpu_millis = self.cpu_millis

        memory_bytes = self.memory_bytes

        reserved_cpu_millis = self.reserved_cpu_millis

        reserved_memory_bytes = self.reserved_memory_bytes

        instances = self.instances

        engine_version = self.engine_version

        listed_at: str | Unset = UNSET
        if not isinstance(self.listed_at, Unset):
            listed_at = self.listed_at.isoformat()

        problem = self.problem

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "state": state,
                "cordoned": cordoned,
                "labels": labels,
                "cpu_millis": cpu_millis,
                "memory_bytes": memory_bytes,
                "reserved_cpu_millis": reserved_cpu_millis,
                "reserved_memory_bytes": reserved_memory_bytes,
                "instances": instances,
            }
        )
        if engine_version is not UNSET:
            field_dict["engine_version"] = engine_version
        if listed_at is not UNSET:
            field_dict["listed_at"] = listed_at
        if problem is not UNSET:
            field_dict["problem"] = problem

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.host_labels import HostLabels  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        state = d.pop("state")

        cordoned = d.pop("cordoned")

        labels = HostLabels.from_dict(d.pop("labels"))

        cpu_millis = d.pop("cpu_millis")

        memory_bytes = d.pop("memory_bytes")

        reserved_cpu_millis = d.pop("reserved_cpu_millis")

        reserved_memory_bytes = d.pop("reserved_memory_bytes")

        instances = d.pop("instances")

        engine_version = d.pop("engine_version", UNSET)

        _listed_at = d.pop("listed_at", UNSET)
        listed_at: datetime.datetime | Unset
        if isinstance(_listed_at, Unset):
            listed_at = UNSET
        else:
            listed_at = datetime.datetime.fromisoformat(_listed_at)

        problem = d.pop("problem", UNSET)

        host = cls(
            id=id,
            name=name,
            state=state,
            cordoned=cordoned,
            labels=labels,
            cpu_millis=cpu_millis,
            memory_bytes=memory_bytes,
            reserved_cpu_millis=reserved_cpu_millis,
            reserved_memory_bytes=reserved_memory_bytes,
            instances=instances,
            engine_version=engine_version,
            listed_at=listed_at,
            problem=problem,
        )

        host.additional_properties = d
        return host

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
