"""The rules of the catalogue, one module a family; each function says when its cause is established."""
