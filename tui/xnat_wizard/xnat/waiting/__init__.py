"""Sessions that wait in the prearchive: what is known of them, what it means, what can be done and what came of it."""
