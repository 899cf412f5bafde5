"""The questions that find missing data, by the place they ask: people, prearchive, archive, settings."""
