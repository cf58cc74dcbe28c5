"""Runs diagrams: knows processes, tasks and timers, and no process by its name."""
