"""What may be said in a dataset's SQL, and what its result must hold."""
