from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.failure import Failure


T = TypeVar("T", bound="Instance")


@_attrs_define
class Instance:
    """An instance.

    Attributes:
        id (str): Its id, also its container's name.
        name (str): Service and slot, `web.3`.
        service (str): Its service.
        slot (int): Its slot.
        release (int): Version of the release it was made for.
        revision (str): What shapes its container, shortened.
        host (str): Its host's name.
        host_id (str): Its host.
        address (str): Where it listens inside of its network.
        desired (str): What is wanted: `run`, `drain`, `stop`, `gone`.
        state (str): What was last seen: `none`, `creating`, `created`, `started`, `ready`, `unready`, `exited`, `gone`,
            `lost`.
        restarts (int): Restarts by the engine itself.
        attempt (int): Which attempt in its slot this is, from 0.
        created_at (datetime.datetime): When it was decided.
        started_at (datetime.datetime | Unset): When its process was first seen.
        ready_at (datetime.datetime | Unset): Ready since.
        exit_code (int | Unset): Its last exit code.
        failure (Failure | Unset): Why a build, a deployment or an instance failed.
        warm (bool | Unset): It gets no requests: newer ones have taken over and are being watched, and it steps in if
            they fail.
        replacing (bool | Unset): Somebody asked to replace it, and its successor is not there yet.
    """

    id: str
    name: str
    service: str
    slot: int
    release: int
    revision: str
    host: str
    host_id: str
    address: str
    desired: str
    state: str
    restarts: int
    attempt: int
    created_at: datetime.datetime
    started_at: datetime.datetime | Unset = UNSET
    ready_at: datetime.datetime | Unset = UNSET
    exit_code: int | Unset = UNSET
    failure: Failure | Unset = UNSET
    warm: bool | Unset = UNSET
    replacing: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        service = self.service

        slot = self.slot

        release = self.release

        revision = self.revision

        host = self.host

        host_id = self.host_id

        address = self.address

        desired = self.desired

        state = self.state

        restarts = self.restarts

        attempt = self.attempt

        created_at = self.created_at.isoformat()

        started_at: str | Unset = UNSET
        if not isinstance(self.started_at, Unset):
            started_at = self.started_at.isoformat()

        ready_at: str | Unset = UNSET
        if not isinstance(self.ready_at, Unset):
            ready_at = self.ready_at.isoformat()

        exit_code = self.exit_code

        failure: dict[str, Any] | Unset = UNSET
        if not isinstance(self.failure, Unset):
            failure = self.failure.to_dict()

        warm = self.warm

        replacing = self.replacing

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "service": service,
                "slot": slot,
                "release": release,
                "revision": revision,
                "host": host,
                "host_id": host_id,
                "address": address,
                "desired": desired,
                "state": state,
                "restarts": restarts,
                "attempt": attempt,
                "created_at": created_at,
            }
        )
        if started_at is not UNSET:
            field_dict["started_at"] = started_at
        if ready_at is not UNSET:
            field_dict["ready_at"] = ready_at
        if exit_code is not UNSET:
            field_dict["exit_code"] = exit_code
        if failure is not UNSET:
            field_dict["failure"] = failure
        if warm is not UNSET:
            field_dict["warm"] = warm
        if replacing is not UNSET:
            field_dict["replacing"] = replacing

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.failure import Failure  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        service = d.pop("service")

        slot = d.pop("slot")

        release = d.pop("release")

        revision = d.pop("revision")

        host = d.pop("host")

        host_id = d.pop("host_id")

        address = d.pop("address")

        desired = d.pop("desired")

        state = d.pop("state")

        restarts = d.pop("restarts")

        attempt = d.pop("attempt")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        _started_at = d.pop("started_at", UNSET)
        started_at: datetime.datetime | Unset
        if isinstance(_started_at, Unset):
            started_at = UNSET
        else:
            started_at = datetime.datetime.fromisoformat(_started_at)

        _ready_at = d.pop("ready_at", UNSET)
        ready_at: datetime.datetime | Unset
        if isinstance(_ready_at, Unset):
            ready_at = UNSET
        else:
            ready_at = datetime.datetime.fromisoformat(_ready_at)

        exit_code = d.pop("exit_code", UNSET)

        _failure = d.pop("failure", UNSET)
        failure: Failure | Unset
        if isinstance(_failure, Unset):
            failure = UNSET
        else:
            failure = Failure.from_dict(_failure)

        warm = d.pop("warm", UNSET)

        replacing = d.pop("replacing", UNSET)

        instance = cls(
            id=id,
            name=name,
            service=service,
            slot=slot,
            release=release,
            revision=revision,
            host=host,
            host_id=host_id,
            address=address,
            desired=desired,
            state=state,
            restarts=restarts,
            attempt=attempt,
            created_at=created_at,
            started_at=started_at,
            ready_at=ready_at,
            exit_code=exit_code,
            failure=failure,
            warm=warm,
            replacing=replacing,
        )

        instance.additional_properties = d
        return instance

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
