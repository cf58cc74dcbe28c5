"""Adapters for outside services, one service a file; they know HTTP and no process."""
