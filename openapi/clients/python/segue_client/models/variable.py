from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Variable")


@_attrs_define
class Variable:
    """A variable that the application declares. Exactly one of `value`, `from`, `generate` and `secret` is set.
    What `config` or `secret` set for the environment wins over it.

        Attributes:
            value (str | Unset): Its value.
            from_ (str | Unset): A property of another service: `services.cache.host`, `.port` or `.address`.
            generate (bool | Unset): A random secret, made once at the first deployment. Default: False.
            secret (bool | Unset): Its value comes from `segue secret set` or `segue config set` only. Default: False.
            required (bool | Unset): With `secret`: a deployment without a value is refused. Default: False.
    """

    value: str | Unset = UNSET
    from_: str | Unset = UNSET
    generate: bool | Unset = False
    secret: bool | Unset = False
    required: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        value = self.value

        from_ = self.from_

        generate = self.generate

        secret = self.secret

        required = self.required

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if value is not UNSET:
            field_dict["value"] = value
        if from_ is not UNSET:
            field_dict["from"] = from_
        if generate is not UNSET:
            field_dict["generate"] = generate
        if secret is not UNSET:
            field_dict["secret"] = secret
        if required is not UNSET:
            field_dict["required"] = required

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        value = d.pop("value", UNSET)

        from_ = d.pop("from", UNSET)

        generate = d.pop("generate", UNSET)

        secret = d.pop("secret", UNSET)

        required = d.pop("required", UNSET)

        variable = cls(
            value=value,
            from_=from_,
            generate=generate,
            secret=secret,
            required=required,
        )

        return variable
