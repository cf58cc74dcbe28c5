"""The key that tests sign with: one that the settings accept, and that nothing else uses."""

SECRET_KEY = "tests-sign-with-this-Hq7vZ2mX9kLd4RwB"
KEPT_KEY = "s" * 32  # of the databases in tests/data, which are older than the check of keys
