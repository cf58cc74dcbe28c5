"""Accounts, sign-in, people and what they may do."""
