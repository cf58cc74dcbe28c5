"""Pages without signing in: payment returns, verification of certificates."""
