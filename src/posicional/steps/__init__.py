"""The only place that composes the rooms: one module a step of a day."""
