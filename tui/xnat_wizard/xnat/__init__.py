"""One XNAT site: login, projects, import, prearchive, archive, resources, its messages. Never reads an image."""
