"""What a person sees: the only rooms that import textual."""
