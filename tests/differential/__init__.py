"""Two engines, one SQL: tables and queries that are the same for both."""
