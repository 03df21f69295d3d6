from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.channel_word import ChannelWord
from ..types import UNSET, Unset

T = TypeVar("T", bound="Webhook")


@_attrs_define
class Webhook:
    """Somebody who is told of events.

    Attributes:
        id (str): Its id.
        name (str): For people.
        kind (ChannelWord | str): How somebody is told.
        to (str): Host or mail address; the whole address is not shown, because it may be a secret.
        events (list[str]): Kinds of events (`deployment.changed`), groups (`deployment.*`) or `*`.
        enabled (bool): Whether anything is told.
        generation (int): Raised by every change; also the `ETag`.
        created_by (str): Who made it.
        created_at (datetime.datetime): When.
        app (str | Unset): Events of this app only.
        disabled_reason (str | Unset): Why Segue stopped it.
        failing_since (datetime.datetime | Unset): Nothing arrived since then.
        secret (str | Unset): What requests are signed with: only in the answer that made it, never again.
    """

    id: str
    name: str
    kind: ChannelWord | str
    to: str
    events: list[str]
    enabled: bool
    generation: int
    created_by: str
    created_at: datetime.datetime
    app: str | Unset = UNSET
    disabled_reason: str | Unset = UNSET
    failing_since: datetime.datetime | Unset = UNSET
    secret: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        kind: str
        if isinstance(self.kind, ChannelWord):
            kind = self.kind.value
        else:
            kind = self.kind

        to = self.to

        events = self.events

        enabled = self.enabled

        generation = self.generation

        created_by = self.created_by

        created_at = self.created_at.isoformat()

        app = self.app

        disabled_reason = self.disabled_reason

        failing_since: str | Unset = UNSET
        if not isinstance(self.failing_since, Unset):
            failing_since = self.failing_since.isoformat()

        secret = self.secret

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "kind": kind,
                "to": to,
                "events": events,
                "enabled": enabled,
                "generation": generation,
                "created_by": created_by,
                "created_at": created_at,
            }
        )
        if app is not UNSET:
            field_dict["app"] = app
        if disabled_reason is not UNSET:
            field_dict["disabled_reason"] = disabled_reason
        if failing_since is not UNSET:
            field_dict["failing_since"] = failing_since
        if secret is not UNSET:
            field_dict["secret"] = secret

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        def _parse_kind(data: object) -> ChannelWord | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_channel_type_0 = ChannelWord(data)

                return componentsschemas_channel_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ChannelWord | str, data)

        kind = _parse_kind(d.pop("kind"))

        to = d.pop("to")

        events = cast(list[str], d.pop("events"))

        enabled = d.pop("enabled")

        generation = d.pop("generation")

        created_by = d.pop("created_by")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        app = d.pop("app", UNSET)

        disabled_reason = d.pop("disabled_reason", UNSET)

        _failing_since = d.pop("failing_since", UNSET)
        failing_since: datetime.datetime | Unset
        if isinstance(_failing_since, Unset):
            failing_since = UNSET
        else:
            failing_since = datetime.datetime.fromisoformat(_failing_since)

        secret = d.pop("secret", UNSET)

        webhook = cls(
            id=id,
            name=name,
            kind=kind,
            to=to,
            events=events,
            enabled=enabled,
            generation=generation,
            created_by=created_by,
            created_at=created_at,
            app=app,
            disabled_reason=disabled_reason,
            failing_since=failing_since,
            secret=secret,
        )

        webhook.additional_properties = d
        return webhook

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
