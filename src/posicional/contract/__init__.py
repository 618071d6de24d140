"""What a feed and its layouts say. YAML text in, values out; all faults at once; no I/O but reading the contract."""
