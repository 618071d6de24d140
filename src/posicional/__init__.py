"""posicional: the positional files of a day, turned into Parquet, joined, published, and watched."""

__version__ = "0.1.0"
