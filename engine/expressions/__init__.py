"""The closed language of conditions, parameters and timers."""
