from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.problem_code_word import ProblemCodeWord
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.failure import Failure
    from ..models.field_error import FieldError


T = TypeVar("T", bound="Problem")


@_attrs_define
class Problem:
    """An error (RFC 9457).

    Attributes:
        type_ (str): URN of the kind of error: `urn:segue:problem:` and the code.
        title (str): What kind of error it is, in words.
        status (int): The HTTP status.
        code (ProblemCodeWord | str): Stable word for a kind of error; clients decide by it. New ones may be added.
        detail (str): What went wrong in particular.
        request_id (str): Names this request in the server's log.
        hint (str | Unset): What to do next.
        errors (list[FieldError] | Unset): Single faults, where there are several or where they have a place.
        failure (Failure | Unset): Why a build, a deployment or an instance failed.
    """

    type_: str
    title: str
    status: int
    code: ProblemCodeWord | str
    detail: str
    request_id: str
    hint: str | Unset = UNSET
    errors: list[FieldError] | Unset = UNSET
    failure: Failure | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        title = self.title

        status = self.status

        code: str
        if isinstance(self.code, ProblemCodeWord):
            code = self.code.value
        else:
            code = self.code

        detail = self.detail

        request_id = self.request_id

        hint = self.hint

        errors: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.errors, Unset):
            errors = []
            for errors_item_data in self.errors:
                errors_item = errors_item_data.to_dict()
                errors.append(errors_item)

        failure: dict[str, Any] | Unset = UNSET
        if not isinstance(self.failure, Unset):
            failure = self.failure.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "title": title,
                "status": status,
                "code": code,
                "detail": detail,
                "request_id": request_id,
            }
        )
        if hint is not UNSET:
            field_dict["hint"] = hint
        if errors is not UNSET:
            field_dict["errors"] = errors
        if failure is not UNSET:
            field_dict["failure"] = failure

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.failure import Failure  # noqa: PLC0415
        from ..models.field_error import FieldError  # noqa: PLC0415

        d = dict(src_dict)
        type_ = d.pop("type")

        title = d.pop("title")

        status = d.pop("status")

        def _parse_code(data: object) -> ProblemCodeWord | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_problem_code_type_0 = ProblemCodeWord(data)

                return componentsschemas_problem_code_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ProblemCodeWord | str, data)

        code = _parse_code(d.pop("code"))

        detail = d.pop("detail")

        request_id = d.pop("request_id")

        hint = d.pop("hint", UNSET)

        _errors = d.pop("errors", UNSET)
        errors: list[FieldError] | Unset = UNSET
        if _errors is not UNSET:
            errors = []
            for errors_item_data in _errors:
                errors_item = FieldError.from_dict(errors_item_data)

                errors.append(errors_item)

        _failure = d.pop("failure", UNSET)
        failure: Failure | Unset
        if isinstance(_failure, Unset):
            failure = UNSET
        else:
            failure = Failure.from_dict(_failure)

        problem = cls(
            type_=type_,
            title=title,
            status=status,
            code=code,
            detail=detail,
            request_id=request_id,
            hint=hint,
            errors=errors,
            failure=failure,
        )

        problem.additional_properties = d
        return problem

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
