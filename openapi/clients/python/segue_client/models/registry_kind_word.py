from enum import StrEnum


class RegistryKindWord(StrEnum):
    GIT = "git"
    REGISTRY = "registry"

    def __str__(self) -> str:
        return str(self.value)
