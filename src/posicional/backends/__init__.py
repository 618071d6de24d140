"""What touches the outside world, each behind a small protocol of `posicional.ports`."""
