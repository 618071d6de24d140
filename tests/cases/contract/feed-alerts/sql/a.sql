select a from a
