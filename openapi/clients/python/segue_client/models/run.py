from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.failure import Failure


T = TypeVar("T", bound="Run")


@_attrs_define
class Run:
    """A one-off run.

    Attributes:
        id (str): Its id.
        number (int): Its number within the environment.
        state (str): Where it is: `queued`, `scheduled`, `running`, `succeeded` (exit code 0), `failed`, `timed_out`,
            `cancelled`,
            `unknown` (its end could not be seen; it is never started again). New ones may be added.
        finished (bool): Nothing follows.
        service (str): The service whose image, variables and limits it has.
        command (list[str]): What runs: arguments, no shell.
        release (int): Version of the release whose image it has.
        time_limit (int): Seconds from its start after which it is stopped.
        oom (bool): Whether it was killed for memory.
        cancel_requested (bool): A person asked to stop it.
        created_by (str): Who asked for it.
        created_at (datetime.datetime): When.
        host (str | Unset): The host that it runs or ran on.
        exit_code (int | Unset): What its process ended with.
        failure (Failure | Unset): Why a build, a deployment or an instance failed.
        started_at (datetime.datetime | Unset): When its process was first seen to run.
        finished_at (datetime.datetime | Unset): When it ended.
    """

    id: str
    number: int
    state: str
    finished: bool
    service: str
    command: list[str]
    release: int
    time_limit: int
    oom: bool
    cancel_requested: bool
    created_by: str
    created_at: datetime.datetime
    host: str | Unset = UNSET
    exit_code: int | Unset = UNSET
    failure: Failure | Unset = UNSET
    started_at: datetime.datetime | Unset = UNSET
    finished_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        number = self.number

        state = self.state

        finished = self.finished

        service = self.service

        command = self.command

        release = self.release

        time_limit = self.time_limit

        oom = self.oom

        cancel_requested = self.cancel_requested

        created_by = self.created_by

        created_at = self.created_at.isoformat()

        host = self.host

        exit_code = self.exit_code

        failure: dict[str, Any] | Unset = UNSET
        if not isinstance(self.failure, Unset):
            failure = self.failure.to_dict()

        started_at: str | Unset = UNSET
        if not isinstance(self.started_at, Unset):
            started_at = self.started_at.isoformat()

        finished_at: str | Unset = UNSET
        if not isinstance(self.finished_at, Unset):
            finished_at = self.finished_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "number": number,
                "state": state,
                "finished": finished,
                "service": service,
                "command": command,
                "release": release,
                "time_limit": time_limit,
                "oom": oom,
                "cancel_requested": cancel_requested,
                "created_by": created_by,
                "created_at": created_at,
            }
        )
        if host is not UNSET:
            field_dict["host"] = host
        if exit_code is not UNSET:
            field_dict["exit_code"] = exit_code
        if failure is not UNSET:
            field_dict["failure"] = failure
        if started_at is not UNSET:
            field_dict["started_at"] = started_at
        if finished_at is not UNSET:
            field_dict["finished_at"] = finished_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.failure import Failure  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        number = d.pop("number")

        state = d.pop("state")

        finished = d.pop("finished")

        service = d.pop("service")

        command = cast(list[str], d.pop("command"))

        release = d.pop("release")

        time_limit = d.pop("time_limit")

        oom = d.pop("oom")

        cancel_requested = d.pop("cancel_requested")

        created_by = d.pop("created_by")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        host = d.pop("host", UNSET)

        exit_code = d.pop("exit_code", UNSET)

        _failure = d.pop("failure", UNSET)
        failure: Failure | Unset
        if isinstance(_failure, Unset):
            failure = UNSET
        else:
            failure = Failure.from_dict(_failure)

        _started_at = d.pop("started_at", UNSET)
        started_at: datetime.datetime | Unset
        if isinstance(_started_at, Unset):
            started_at = UNSET
        else:
            started_at = datetime.datetime.fromisoformat(_started_at)

        _finished_at = d.pop("finished_at", UNSET)
        finished_at: datetime.datetime | Unset
        if isinstance(_finished_at, Unset):
            finished_at = UNSET
        else:
            finished_at = datetime.datetime.fromisoformat(_finished_at)

        run = cls(
            id=id,
            number=number,
            state=state,
            finished=finished,
            service=service,
            command=command,
            release=release,
            time_limit=time_limit,
            oom=oom,
            cancel_requested=cancel_requested,
            created_by=created_by,
            created_at=created_at,
            host=host,
            exit_code=exit_code,
            failure=failure,
            started_at=started_at,
            finished_at=finished_at,
        )

        run.additional_properties = d
        return run

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
