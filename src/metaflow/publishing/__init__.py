"""Events that programs send, so that deployed flows start after them."""
