"""Conversion: NIfTI and BIDS from DICOM and PAR/REC, by naming rules. Knows no network and no XNAT, prints nothing.

What a screen or a command needs:

    found = survey(path, layout)                                  # dicom.survey
    with open_source(found.source) as source:                     # dicom.source
        offer = selection.offer(found, source)                    # every series, and findings about them
        chosen = selection.choose(offer.items, subjects, series)  # Problem convert.nothing_chosen
        book = rules.read(path) | rules.parse(text, where)        # Problem convert.rules_bad, with its line
        tests = tester.ask(book, chosen, offered=offer.items, is_bids=True)
        for one in tests:
            one.item.name, one.kind, one.taken_by, one.path, one.why_not  # ((rule, reason), ...)
        tester.unused(book, tests)                                # names of rules that take nothing
        run.plan(offer.items, chosen, order)                      # what all would be called
        conversion = Conversion(source, offer.items, chosen, run.Order(target=folder, rules=book, is_bids=True))
        result = conversion.run(tell)                             # blocks: for a thread; tell(one step)
        # steps: run.Started, model.Placed, Finding, conversion.Validating; result: placed, findings, validation, ...
        conversion.snapshot()                                     # Progress, from any thread
        conversion.stop()                                         # from any thread; what is placed stays

Rules that a project keeps for all: `upload.project_rules.load(site, project)` and `.save(site, project, text)`.
Images and raw pairs into XNAT: `upload.converted.Bringing`.
"""
