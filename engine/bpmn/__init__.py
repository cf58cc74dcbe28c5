"""Diagrams as files: read, and rewritten before they are parsed. Knows no running case."""
