from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.failure import Failure


T = TypeVar("T", bound="Deployment")


@_attrs_define
class Deployment:
    """An attempt to carry an environment to a release.

    Attributes:
        id (str): Its id.
        number (int): `#42`.
        state (str): Where it is: `queued`, `building`, `release_task`, `starting`, `switching`, `live`, `baking`,
            `failing`,
            `rolling_back`, `succeeded`, `rolled_back`, `failed`, `cancelled`, `superseded`. New ones may be added.
        phase (str): The same for people: `build`, `release`, `start`, `switch`, `live`, `rollback`, `done`.
        finished (bool): Nothing follows.
        live (bool): Whether its release serves every request; only these count as deployed.
        github_state (str): The same as a GitHub deployment state.
        kind (str): Why it was asked for: `deploy`, `rollback`, `promote`, `restart`, `config`, `secret`, `spec`.
        release (int): Version of the release it goes to.
        release_id (str): That release.
        builds (list[str]): Builds that its release waits for.
        cancel_requested (bool): A person asked to stop it.
        message (str): What people say about it.
        created_by (str): Who asked for it.
        created_at (datetime.datetime): When.
        git_ref (str | Unset): The ref that was pushed.
        started_at (datetime.datetime | Unset): When its rollout began.
        live_at (datetime.datetime | Unset): When every live edge served its release alone.
        finished_at (datetime.datetime | Unset): When it ended.
        failure (Failure | Unset): Why a build, a deployment or an instance failed.
    """

    id: str
    number: int
    state: str
    phase: str
    finished: bool
    live: bool
    github_state: str
    kind: str
    release: int
    release_id: str
    builds: list[str]
    cancel_requested: bool
    message: str
    created_by: str
    created_at: datetime.datetime
    git_ref: str | Unset = UNSET
    started_at: datetime.datetime | Unset = UNSET
    live_at: datetime.datetime | Unset = UNSET
    finished_at: datetime.datetime | Unset = UNSET
    failure: Failure | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        number = self.number

        state = self.state

        phase = self.phase

        finished = self.finished

        live = self.live

        github_state = self.github_state

        kind = self.kind

        release = self.release

        release_id = self.release_id

        builds = self.builds

        cancel_requested = self.cancel_requested

        message = self.message

        created_by = self.created_by

        created_at = self.created_at.isoformat()

        git_ref = self.git_ref

        started_at: str | Unset = UNSET
        if not isinstance(self.started_at, Unset):
            started_at = self.started_at.isoformat()

        live_at: str | Unset = UNSET
        if not isinstance(self.live_at, Unset):
            live_at = self.live_at.isoformat()

        finished_at: str | Unset = UNSET
        if not isinstance(self.finished_at, Unset):
            finished_at = self.finished_at.isoformat()

        failure: dict[str, Any] | Unset = UNSET
        if not isinstance(self.failure, Unset):
            failure = self.failure.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "number": number,
                "state": state,
                "phase": phase,
                "finished": finished,
                "live": live,
                "github_state": github_state,
                "kind": kind,
                "release": release,
                "release_id": release_id,
                "builds": builds,
                "cancel_requested": cancel_requested,
                "message": message,
                "created_by": created_by,
                "created_at": created_at,
            }
        )
        if git_ref is not UNSET:
            field_dict["git_ref"] = git_ref
        if started_at is not UNSET:
            field_dict["started_at"] = started_at
        if live_at is not UNSET:
            field_dict["live_at"] = live_at
        if finished_at is not UNSET:
            field_dict["finished_at"] = finished_at
        if failure is not UNSET:
            field_dict["failure"] = failure

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.failure import Failure  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        number = d.pop("number")

        state = d.pop("state")

        phase = d.pop("phase")

        finished = d.pop("finished")

        live = d.pop("live")

        github_state = d.pop("github_state")

        kind = d.pop("kind")

        release = d.pop("release")

        release_id = d.pop("release_id")

        builds = cast(list[str], d.pop("builds"))

        cancel_requested = d.pop("cancel_requested")

        message = d.pop("message")

        created_by = d.pop("created_by")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        git_ref = d.pop("git_ref", UNSET)

        _started_at = d.pop("started_at", UNSET)
        started_at: datetime.datetime | Unset
        if isinstance(_started_at, Unset):
            started_at = UNSET
        else:
            started_at = datetime.datetime.fromisoformat(_started_at)

        _live_at = d.pop("live_at", UNSET)
        live_at: datetime.datetime | Unset
        if isinstance(_live_at, Unset):
            live_at = UNSET
        else:
            live_at = datetime.datetime.fromisoformat(_live_at)

        _finished_at = d.pop("finished_at", UNSET)
        finished_at: datetime.datetime | Unset
        if isinstance(_finished_at, Unset):
            finished_at = UNSET
        else:
            finished_at = datetime.datetime.fromisoformat(_finished_at)

        _failure = d.pop("failure", UNSET)
        failure: Failure | Unset
        if isinstance(_failure, Unset):
            failure = UNSET
        else:
            failure = Failure.from_dict(_failure)

        deployment = cls(
            id=id,
            number=number,
            state=state,
            phase=phase,
            finished=finished,
            live=live,
            github_state=github_state,
            kind=kind,
            release=release,
            release_id=release_id,
            builds=builds,
            cancel_requested=cancel_requested,
            message=message,
            created_by=created_by,
            created_at=created_at,
            git_ref=git_ref,
            started_at=started_at,
            live_at=live_at,
            finished_at=finished_at,
            failure=failure,
        )

        deployment.additional_properties = d
        return deployment

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
