"""Lists of inspections for inspectors and the gas office (INS-1, INR)."""
