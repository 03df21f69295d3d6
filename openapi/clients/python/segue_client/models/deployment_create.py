from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="DeploymentCreate")


@_attrs_define
class DeploymentCreate:
    """What shall be deployed. Exactly one of `source`, `image`, `release`, `restart` and `spec` is set.

    Attributes:
        source (str | Unset): A kept source, by SHA-256.
        image (str | Unset): A finished image, by name.
        release (int | Unset): An older release, by version.
        restart (list[str] | Unset): The same in new containers: these services, or all if the list is empty.
        spec (bool | Unset): The newest specification on the image that runs; images named in it are looked up again.
            Default: False.
        override (bool | Unset): Deploys in spite of locks and freeze windows; admins only, and the audit log says so.
            Default: False.
        if_changed (bool | Unset): With `source`: deploys only if that changes anything. Where the newest deployment is
            live and a new one would make
            an equal release (same source, specification, configuration, versions of secrets), the answer is that
            deployment,
            with status 200. Default: False.
        message (str | Unset): What to say about it. Default: ''.
    """

    source: str | Unset = UNSET
    image: str | Unset = UNSET
    release: int | Unset = UNSET
    restart: list[str] | Unset = UNSET
    spec: bool | Unset = False
    override: bool | Unset = False
    if_changed: bool | Unset = False
    message: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        source = self.source

        image = self.image

        release = self.release

        restart: list[str] | Unset = UNSET
        if not isinstance(self.restart, Unset):
            restart = self.restart

        spec = self.spec

        override = self.override

        if_changed = self.if_changed

        message = self.message

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if source is not UNSET:
            field_dict["source"] = source
        if image is not UNSET:
            field_dict["image"] = image
        if release is not UNSET:
            field_dict["release"] = release
        if restart is not UNSET:
            field_dict["restart"] = restart
        if spec is not UNSET:
            field_dict["spec"] = spec
        if override is not UNSET:
            field_dict["override"] = override
        if if_changed is not UNSET:
            field_dict["if_changed"] = if_changed
        if message is not UNSET:
            field_dict["message"] = message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        source = d.pop("source", UNSET)

        image = d.pop("image", UNSET)

        release = d.pop("release", UNSET)

        restart = cast(list[str], d.pop("restart", UNSET))

        spec = d.pop("spec", UNSET)

        override = d.pop("override", UNSET)

        if_changed = d.pop("if_changed", UNSET)

        message = d.pop("message", UNSET)

        deployment_create = cls(
            source=source,
            image=image,
            release=release,
            restart=restart,
            spec=spec,
            override=override,
            if_changed=if_changed,
            message=message,
        )

        return deployment_create
