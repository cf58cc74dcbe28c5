"""The proofs of ``make prove``: each harness tries to break the application, and first breaks a naive twin of it."""
