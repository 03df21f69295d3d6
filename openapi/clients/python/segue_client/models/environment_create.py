from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.environment_kind_word_word import EnvironmentKindWordWord
from ..types import UNSET, Unset

T = TypeVar("T", bound="EnvironmentCreate")


@_attrs_define
class EnvironmentCreate:
    """A new environment.

    Attributes:
        name (str): Its name, unique in the app.
        kind (EnvironmentKindWordWord | str | Unset): What an environment is for.
        protected (bool | Unset): Only admins change it.
        clone_of (str | Unset): Name or id of the environment of the same app that it is made after: specification,
            configuration and scale.
            Secrets are taken over by name only, and are missing until they are set; host names are not taken over.
        ttl (int | Unset): Seconds that it lives, 60 to 31536000; without end if not given. A protected one has none.
    """

    name: str
    kind: EnvironmentKindWordWord | str | Unset = UNSET
    protected: bool | Unset = UNSET
    clone_of: str | Unset = UNSET
    ttl: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        kind: str | Unset
        if isinstance(self.kind, Unset):
            kind = UNSET
        elif isinstance(self.kind, EnvironmentKindWordWord):
            kind = self.kind.value
        else:
            kind = self.kind

        protected = self.protected

        clone_of = self.clone_of

        ttl = self.ttl

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
            }
        )
        if kind is not UNSET:
            field_dict["kind"] = kind
        if protected is not UNSET:
            field_dict["protected"] = protected
        if clone_of is not UNSET:
            field_dict["clone_of"] = clone_of
        if ttl is not UNSET:
            field_dict["ttl"] = ttl

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        def _parse_kind(data: object) -> EnvironmentKindWordWord | str | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_environment_kind_word_type_0 = EnvironmentKindWordWord(data)

                return componentsschemas_environment_kind_word_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EnvironmentKindWordWord | str | Unset, data)

        kind = _parse_kind(d.pop("kind", UNSET))

        protected = d.pop("protected", UNSET)

        clone_of = d.pop("clone_of", UNSET)

        ttl = d.pop("ttl", UNSET)

        environment_create = cls(
            name=name,
            kind=kind,
            protected=protected,
            clone_of=clone_of,
            ttl=ttl,
        )

        return environment_create
