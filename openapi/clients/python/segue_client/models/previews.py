from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Previews")


@_attrs_define
class Previews:
    """Environments by branch.

    Attributes:
        enabled (bool): A push of another branch makes an environment and deploys there.
        from_ (str | Unset): The environment that it is made after: specification, plain configuration, scale.
        ttl (int | Unset): Seconds that it lives after the last push, 60 to 31536000.
        secrets (list[str] | Unset): Secrets of `from` whose values it gets; no other secret exists in it. Only admins
            and owners name any.
        limit (int | Unset): How many there may be at a time, 1 to 50.
    """

    enabled: bool
    from_: str | Unset = UNSET
    ttl: int | Unset = UNSET
    secrets: list[str] | Unset = UNSET
    limit: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        enabled = self.enabled

        from_ = self.from_

        ttl = self.ttl

        secrets: list[str] | Unset = UNSET
        if not isinstance(self.secrets, Unset):
            secrets = self.secrets

        limit = self.limit

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "enabled": enabled,
            }
        )
        if from_ is not UNSET:
            field_dict["from"] = from_
        if ttl is not UNSET:
            field_dict["ttl"] = ttl
        if secrets is not UNSET:
            field_dict["secrets"] = secrets
        if limit is not UNSET:
            field_dict["limit"] = limit

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        enabled = d.pop("enabled")

        from_ = d.pop("from", UNSET)

        ttl = d.pop("ttl", UNSET)

        secrets = cast(list[str], d.pop("secrets", UNSET))

        limit = d.pop("limit", UNSET)

        previews = cls(
            enabled=enabled,
            from_=from_,
            ttl=ttl,
            secrets=secrets,
            limit=limit,
        )

        return previews
