from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.environment_kind_word_word import EnvironmentKindWordWord
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.condition import Condition
    from ..models.deployment import Deployment


T = TypeVar("T", bound="Environment")


@_attrs_define
class Environment:
    """An environment of an app.

    Attributes:
        id (str): Its id.
        name (str): Its name, unique in the app.
        kind (EnvironmentKindWordWord | str): What an environment is for.
        protected (bool): Only admins change it.
        stopped (bool): Nothing of it shall run.
        generation (int): Raised by every wish; also the `ETag`.
        observed_generation (int): The newest wish that was looked at.
        urls (list[str]): Where its users find it, the most important first.
        conditions (list[Condition]): How it is.
        created_at (datetime.datetime): When it was made.
        serving (int | Unset): Version of the release it stands on.
        stable (int | Unset): Version of the newest release that was seen to be good.
        requests_per_minute (int | Unset): Requests that were counted in the last minute; missing where nothing is
            served, or nobody counts.
        last_deployment (Deployment | Unset): An attempt to carry an environment to a release.
        branch (str | Unset): The branch that a preview follows.
        cloned_from (str | Unset): Name of the environment that it was made after, while that is there.
        ttl (int | Unset): Seconds that it lives after the last push; missing: until somebody removes it.
        expires_at (datetime.datetime | Unset): When it is removed.
    """

    id: str
    name: str
    kind: EnvironmentKindWordWord | str
    protected: bool
    stopped: bool
    generation: int
    observed_generation: int
    urls: list[str]
    conditions: list[Condition]
    created_at: datetime.datetime
    serving: int | Unset = UNSET
    stable: int | Unset = UNSET
    requests_per_minute: int | Unset = UNSET
    last_deployment: Deployment | Unset = UNSET
    branch: str | Unset = UNSET
    cloned_from: str | Unset = UNSET
    ttl: int | Unset = UNSET
    expires_at: datetime.datetime | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        kind: str
        if isinstance(self.kind, EnvironmentKindWordWord):
            kind = self.kind.value
        else:
            kind = self.kind

        protected = self.protected

        stopped = self.stopped

        generation = self.generation

        observed_generation = self.observed_generation

        urls = self.urls

        conditions = []
        for conditions_item_data in self.conditions:
            conditions_item = conditions_item_data.to_dict()
            conditions.append(conditions_item)

        created_at = self.created_at.isoformat()

        serving = self.serving

        stable = self.stable

        requests_per_minute = self.requests_per_minute

        last_deployment: dict[str, Any] | Unset = UNSET
        if not isinstance(self.last_deployment, Unset):
            last_deployment = self.last_deployment.to_dict()

        branch = self.branch

        cloned_from = self.cloned_from

        ttl = self.ttl

        expires_at: str | Unset = UNSET
        if not isinstance(self.expires_at, Unset):
            expires_at = self.expires_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "kind": kind,
                "protected": protected,
                "stopped": stopped,
                "generation": generation,
                "observed_generation": observed_generation,
                "urls": urls,
                "conditions": conditions,
                "created_at": created_at,
            }
        )
        if serving is not UNSET:
            field_dict["serving"] = serving
        if stable is not UNSET:
            field_dict["stable"] = stable
        if requests_per_minute is not UNSET:
            field_dict["requests_per_minute"] = requests_per_minute
        if last_deployment is not UNSET:
            field_dict["last_deployment"] = last_deployment
        if branch is not UNSET:
            field_dict["branch"] = branch
        if cloned_from is not UNSET:
            field_dict["cloned_from"] = cloned_from
        if ttl is not UNSET:
            field_dict["ttl"] = ttl
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.condition import Condition  # noqa: PLC0415
        from ..models.deployment import Deployment  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        def _parse_kind(data: object) -> EnvironmentKindWordWord | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_environment_kind_word_type_0 = EnvironmentKindWordWord(data)

                return componentsschemas_environment_kind_word_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EnvironmentKindWordWord | str, data)

        kind = _parse_kind(d.pop("kind"))

        protected = d.pop("protected")

        stopped = d.pop("stopped")

        generation = d.pop("generation")

        observed_generation = d.pop("observed_generation")

        urls = cast(list[str], d.pop("urls"))

        conditions = []
        _conditions = d.pop("conditions")
        for conditions_item_data in _conditions:
            conditions_item = Condition.from_dict(conditions_item_data)

            conditions.append(conditions_item)

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        serving = d.pop("serving", UNSET)

        stable = d.pop("stable", UNSET)

        requests_per_minute = d.pop("requests_per_minute", UNSET)

        _last_deployment = d.pop("last_deployment", UNSET)
        last_deployment: Deployment | Unset
        if isinstance(_last_deployment, Unset):
            last_deployment = UNSET
        else:
            last_deployment = Deployment.from_dict(_last_deployment)

        branch = d.pop("branch", UNSET)

        cloned_from = d.pop("cloned_from", UNSET)

        ttl = d.pop("ttl", UNSET)

        _expires_at = d.pop("expires_at", UNSET)
        expires_at: datetime.datetime | Unset
        if isinstance(_expires_at, Unset):
            expires_at = UNSET
        else:
            expires_at = datetime.datetime.fromisoformat(_expires_at)

        environment = cls(
            id=id,
            name=name,
            kind=kind,
            protected=protected,
            stopped=stopped,
            generation=generation,
            observed_generation=observed_generation,
            urls=urls,
            conditions=conditions,
            created_at=created_at,
            serving=serving,
            stable=stable,
            requests_per_minute=requests_per_minute,
            last_deployment=last_deployment,
            branch=branch,
            cloned_from=cloned_from,
            ttl=ttl,
            expires_at=expires_at,
        )

        environment.additional_properties = d
        return environment

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
