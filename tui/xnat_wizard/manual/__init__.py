"""The manual: its pages, what a topic means, and how a page looks in a terminal.

The pages are Markdown, in `assets/manual` of the sources and in `manual/text` of an installed program. Nothing here
knows the rest of the program, so `help` answers at once.

    pages     the pages as they are packed
    topics    from a word to a page, a part of it, or a row of a table
    terminal  Markdown as lines of a terminal
"""
