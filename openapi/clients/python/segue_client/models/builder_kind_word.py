from enum import StrEnum


class BuilderKindWord(StrEnum):
    AUTO = "auto"
    DOCKERFILE = "dockerfile"
    NODE = "node"
    PYTHON = "python"
    STATIC = "static"

    def __str__(self) -> str:
        return str(self.value)
