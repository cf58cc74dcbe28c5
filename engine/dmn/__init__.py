"""Decision tables as the DMN standard defines them: reading, checking, deciding, S-FEEL."""
