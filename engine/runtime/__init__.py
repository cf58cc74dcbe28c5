"""The run of a case: restore, advance, save, locks, incidents, subscriptions."""
