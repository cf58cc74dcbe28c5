"""Uploaded files by their content: what is refused, by the name of the reason."""
