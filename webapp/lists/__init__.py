"""Lists that processes offer: pages with filters, files, weeks, own sheets."""
