"""Registries of what processes contribute: operations, briefings, printouts, listings, sheets, office rules."""
