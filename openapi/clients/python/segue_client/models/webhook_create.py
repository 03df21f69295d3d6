from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.channel_word import ChannelWord
from ..types import UNSET, Unset

T = TypeVar("T", bound="WebhookCreate")


@_attrs_define
class WebhookCreate:
    """Somebody new who is told. `url` for `standard` and `chat`, `address` for `mail`.

    Attributes:
        name (str): For people.
        kind (ChannelWord | str): How somebody is told.
        url (str | Unset): Address of a program or of a chat room's incoming webhook.
        address (str | Unset): A mail address.
        app (str | Unset): Events of this app only, by name.
        events (list[str] | Unset): Kinds of events (`deployment.changed`), groups (`deployment.*`) or `*`; without any,
            how deployments go. Programs
            are told each step of a deployment; chat rooms and people only that it is live, failed, was rolled back or
            cancelled.
    """

    name: str
    kind: ChannelWord | str
    url: str | Unset = UNSET
    address: str | Unset = UNSET
    app: str | Unset = UNSET
    events: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        kind: str
        if isinstance(self.kind, ChannelWord):
            kind = self.kind.value
        else:
            kind = self.kind

        url = self.url

        address = self.address

        app = self.app

        events: list[str] | Unset = UNSET
        if not isinstance(self.events, Unset):
            events = self.events

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "kind": kind,
            }
        )
        if url is not UNSET:
            field_dict["url"] = url
        if address is not UNSET:
            field_dict["address"] = address
        if app is not UNSET:
            field_dict["app"] = app
        if events is not UNSET:
            field_dict["events"] = events

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
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

        url = d.pop("url", UNSET)

        address = d.pop("address", UNSET)

        app = d.pop("app", UNSET)

        events = cast(list[str], d.pop("events", UNSET))

        webhook_create = cls(
            name=name,
            kind=kind,
            url=url,
            address=address,
            app=app,
            events=events,
        )

        return webhook_create
