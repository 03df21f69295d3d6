from enum import StrEnum


class ProblemCodeWord(StrEnum):
    ARCHIVE_REFUSED = "archive_refused"
    BODY_TOO_LARGE = "body_too_large"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    INTERNAL = "internal"
    INVALID = "invalid"
    INVALID_REQUEST = "invalid_request"
    IN_FLIGHT = "in_flight"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NAME_TAKEN = "name_taken"
    NOT_ACCEPTABLE = "not_acceptable"
    NOT_FOUND = "not_found"
    PRECONDITION_FAILED = "precondition_failed"
    PRECONDITION_REQUIRED = "precondition_required"
    RATE_LIMITED = "rate_limited"
    REQUEST_TIMEOUT = "request_timeout"
    SETUP_REFUSED = "setup_refused"
    UNAUTHENTICATED = "unauthenticated"
    UNAVAILABLE = "unavailable"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"

    def __str__(self) -> str:
        return str(self.value)
