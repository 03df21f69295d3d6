from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.builder_kind_word import BuilderKindWord
from ..types import UNSET, Unset

T = TypeVar("T", bound="Build")


@_attrs_define
class Build:
    """How source becomes an image.

    Attributes:
        builder (BuilderKindWord | str | Unset): Who writes the Dockerfile.
        image (str | Unset): A finished image, so that nothing is built.
        dockerfile (str | Unset): Path of the Dockerfile in the source.
        test (str | Unset): Command that runs in the built image before release; if it fails, nothing is released.
        test_argv (list[str] | Unset): The test as its arguments, run without a shell; instead of `test`.
    """

    builder: BuilderKindWord | str | Unset = UNSET
    image: str | Unset = UNSET
    dockerfile: str | Unset = UNSET
    test: str | Unset = UNSET
    test_argv: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        builder: str | Unset
        if isinstance(self.builder, Unset):
            builder = UNSET
        elif isinstance(self.builder, BuilderKindWord):
            builder = self.builder.value
        else:
            builder = self.builder

        image = self.image

        dockerfile = self.dockerfile

        test = self.test

        test_argv: list[str] | Unset = UNSET
        if not isinstance(self.test_argv, Unset):
            test_argv = self.test_argv

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if builder is not UNSET:
            field_dict["builder"] = builder
        if image is not UNSET:
            field_dict["image"] = image
        if dockerfile is not UNSET:
            field_dict["dockerfile"] = dockerfile
        if test is not UNSET:
            field_dict["test"] = test
        if test_argv is not UNSET:
            field_dict["test_argv"] = test_argv

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_builder(data: object) -> BuilderKindWord | str | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_builder_kind_type_0 = BuilderKindWord(data)

                return componentsschemas_builder_kind_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(BuilderKindWord | str | Unset, data)

        builder = _parse_builder(d.pop("builder", UNSET))

        image = d.pop("image", UNSET)

        dockerfile = d.pop("dockerfile", UNSET)

        test = d.pop("test", UNSET)

        test_argv = cast(list[str], d.pop("test_argv", UNSET))

        build = cls(
            builder=builder,
            image=image,
            dockerfile=dockerfile,
            test=test,
            test_argv=test_argv,
        )

        return build
