"""The office's own pages: people, calendar, clock, outbox."""
