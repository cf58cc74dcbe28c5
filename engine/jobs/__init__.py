"""The job executor: due timers, outside operations, events between cases, outbox, regular work."""
