"""Working time, the office's calendar, deadlines and timers."""
