"""Positional bytes to Arrow batches and rejects, and from there to Parquet parts."""
