"""AWS, as far as an emulator goes: the real template, deployed and driven."""
