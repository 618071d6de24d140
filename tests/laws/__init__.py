"""What holds for every input, with hypothesis."""
