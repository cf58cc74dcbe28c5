"""Soundness of a flow graph: deadlocks, livelocks and what may run side by side, explored before deployment."""
