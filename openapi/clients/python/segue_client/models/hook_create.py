from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.forge_word import ForgeWord

T = TypeVar("T", bound="HookCreate")


@_attrs_define
class HookCreate:
    """A new hook.

    Attributes:
        kind (ForgeWord | str): Who calls a hook.
    """

    kind: ForgeWord | str

    def to_dict(self) -> dict[str, Any]:
        kind: str
        if isinstance(self.kind, ForgeWord):
            kind = self.kind.value
        else:
            kind = self.kind

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "kind": kind,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_kind(data: object) -> ForgeWord | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_forge_type_0 = ForgeWord(data)

                return componentsschemas_forge_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ForgeWord | str, data)

        kind = _parse_kind(d.pop("kind"))

        hook_create = cls(
            kind=kind,
        )

        return hook_create
