"""The one error that every provider raises."""


class ProviderError(Exception):
    """An outside service did not do what it was asked, or did not say so.

    ``permanent``: asking again cannot help. ``uncertain``: the service may have done the work all
    the same (a time-out after sending, a broken answer); who asks again must ask in a way that
    cannot do it twice. The message is English, for logs, and holds no key, text or number of a person.
    """

    def __init__(self, message: str, *, permanent: bool = False, uncertain: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.uncertain = uncertain
