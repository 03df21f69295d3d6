from enum import StrEnum


class EnvironmentKindWordWord(StrEnum):
    PREVIEW = "preview"
    PRODUCTION = "production"
    STAGING = "staging"

    def __str__(self) -> str:
        return str(self.value)
