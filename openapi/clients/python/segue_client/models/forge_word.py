from enum import StrEnum


class ForgeWord(StrEnum):
    GENERIC = "generic"
    GITEA = "gitea"
    GITHUB = "github"
    GITLAB = "gitlab"

    def __str__(self) -> str:
        return str(self.value)
