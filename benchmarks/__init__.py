"""Measurements of Kartabl's speed and of its growth, for anyone to repeat. Never part of the tests."""
