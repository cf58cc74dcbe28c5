"""The demo: invented people and cases, and its clock. Imported in demo and staging mode only."""
