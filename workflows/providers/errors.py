"""The one error that every provider raises."""


class ProviderError(Exception):
    """A request to an outside service failed, or its result is unknown.

    ``permanent``: a retry cannot help. ``uncertain``: the service may have done the work (a time-out
    after sending, a broken answer); a retry must be idempotent. The message is
    English, for logs, and holds no key, text or number of a person.
    """

    def __init__(self, message: str, *, permanent: bool = False, uncertain: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.uncertain = uncertain
