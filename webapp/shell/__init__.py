"""What surrounds every page: the request, guards, filters, labels, health."""
