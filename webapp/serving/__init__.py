"""The server: takes connections, hands whole requests to the pages, and lets nobody hold a place for long."""
