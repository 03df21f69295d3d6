from enum import StrEnum


class ChannelWord(StrEnum):
    CHAT = "chat"
    MAIL = "mail"
    STANDARD = "standard"

    def __str__(self) -> str:
        return str(self.value)
