"""The audit log: who did what, when and from where; rows are only added, and each one's hash covers all before it."""
