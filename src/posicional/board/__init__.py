"""The board: pages over the ledger, for people. Starlette, Jinja and htmx; nothing comes from the internet."""
