"""Gas projects: what their processes share (records, labels, columns of lists)."""
