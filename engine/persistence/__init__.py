"""SQL of the engine: statements, compiled once, written at the end of a step, and search."""
