"""The pages of a person's own account: signing in and out, registering, codes, passwords (ACC-1 to ACC-3)."""
