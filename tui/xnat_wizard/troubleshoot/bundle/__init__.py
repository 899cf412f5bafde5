"""A bundle for a ticket: states, counts, codes and events of this machine, without names, paths, UIDs or secrets."""
