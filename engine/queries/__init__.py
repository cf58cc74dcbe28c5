"""The read side: worklist, cases, history, monitor. Reads columns only, never a case's state."""
