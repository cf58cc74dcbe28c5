"""From a file to a pinned version: checking, importing, deploying, keeping definitions at hand."""
