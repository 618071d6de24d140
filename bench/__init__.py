"""How fast the reader is beside others, on files built here, with results that are proven equal. See `run`."""
