"""What a process may offer: operations, briefings, printouts, listings, sheets."""
