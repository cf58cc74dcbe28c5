"""The work itself: worklist, tasks, cases, starting, documents, messages."""
