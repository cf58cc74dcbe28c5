"""Working time, the office calendar, deadlines and timers."""
