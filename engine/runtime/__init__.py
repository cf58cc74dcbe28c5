"""What moves a case: restore, advance, save, and what comes of it."""
