"""The cases of the rules: for each cause of the catalogue, facts that show it, and facts that look alike and do not."""
