"""Sign-in by the organisation's own OpenID Connect: its provider, the linked accounts, roles by an explicit mapping."""
