"""Why a backup is not made or not restored."""


class BackupRefused(Exception):
    """The message says what is wrong and what to do, for the operator at the command line."""
