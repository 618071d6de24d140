"""The independent witnesses of the reader: a slow reader and a writer made from the design's rules alone.

Nothing here imports the product's decoders; only the border values (`Layout`, `Account`) are shared.
"""
