from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.event_subject import EventSubject
    from ..models.failure import Failure


T = TypeVar("T", bound="Event")


@_attrs_define
class Event:
    """Something that happened.

    Attributes:
        id (str): Its id.
        cursor (str): Its place in the order; send it as `cursor` to get what is behind it.
        at (datetime.datetime): When.
        kind (str): Stable word for what happened, `instance.created`. New ones may be added.
        subject (EventSubject): What it is about, for machines: ids by name.
        message (str): One sentence for people.
        actor (str): A token, a person or a part of Segue.
        app (str | Unset): The app it is about.
        environment (str | Unset): The environment it is about.
        failure (Failure | Unset): Why a build, a deployment or an instance failed.
    """

    id: str
    cursor: str
    at: datetime.datetime
    kind: str
    subject: EventSubject
    message: str
    actor: str
    app: str | Unset = UNSET
    environment: str | Unset = UNSET
    failure: Failure | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        cursor = self.cursor

        at = self.at.isoformat()

        kind = self.kind

        subject = self.subject.to_dict()

        message = self.message

        actor = self.actor

        app = self.app

        environment = self.environment

        failure: dict[str, Any] | Unset = UNSET
        if not isinstance(self.failure, Unset):
            failure = self.failure.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "cursor": cursor,
                "at": at,
                "kind": kind,
                "subject": subject,
                "message": message,
                "actor": actor,
            }
        )
        if app is not UNSET:
            field_dict["app"] = app
        if environment is not UNSET:
            field_dict["environment"] = environment
        if failure is not UNSET:
            field_dict["failure"] = failure

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.event_subject import EventSubject  # noqa: PLC0415
        from ..models.failure import Failure  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        cursor = d.pop("cursor")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        kind = d.pop("kind")

        subject = EventSubject.from_dict(d.pop("subject"))

        message = d.pop("message")

        actor = d.pop("actor")

        app = d.pop("app", UNSET)

        environment = d.pop("environment", UNSET)

        _failure = d.pop("failure", UNSET)
        failure: Failure | Unset
        if isinstance(_failure, Unset):
            failure = UNSET
        else:
            failure = Failure.from_dict(_failure)

        event = cls(
            id=id,
            cursor=cursor,
            at=at,
            kind=kind,
            subject=subject,
            message=message,
            actor=actor,
            app=app,
            environment=environment,
            failure=failure,
        )

        event.additional_properties = d
        return event

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
