"""SQL of the engine: compiled statements, rows written at the end of a step, locks on keys, search."""
