"""The adapter to SpiffWorkflow 3.2.0: the only package that imports the library."""
