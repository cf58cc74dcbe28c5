"""How fast Kartabl is, and that it stays so: measurements that anyone can repeat. Never part of the tests."""
