"""Get medical images into XNAT from a terminal, with proof that every one arrived."""
