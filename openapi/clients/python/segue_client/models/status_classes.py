from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="StatusClasses")


@_attrs_define
class StatusClasses:
    """Answers by class of status.

    Attributes:
        informational (int): 100 to 199.
        success (int): 200 to 299.
        redirection (int): 300 to 399.
        client_error (int): 400 to 499.
        server_error (int): 500 to 599, of the application.
    """

    informational: int
    success: int
    redirection: int
    client_error: int
    server_error: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        informational = self.informational

        success = self.success

        redirection = self.redirection

        client_error = self.client_error

        server_error = self.server_error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "informational": informational,
                "success": success,
                "redirection": redirection,
                "client_error": client_error,
                "server_error": server_error,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        informational = d.pop("informational")

        success = d.pop("success")

        redirection = d.pop("redirection")

        client_error = d.pop("client_error")

        server_error = d.pop("server_error")

        status_classes = cls(
            informational=informational,
            success=success,
            redirection=redirection,
            client_error=client_error,
            server_error=server_error,
        )

        status_classes.additional_properties = d
        return status_classes

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
