"""Tables and value types; imports nothing of ours."""
