"""The demo: a made-up health insurer's day, and what shows it."""
