"""Result folders into resources and back, for many subjects at once: patterns, putting, getting, proof.

The words: a *pattern* is a path or label with `{subject}` in it; a *target* is what it gives for one subject: files
here, and a resource there. Each target is worked on alone: what goes wrong with one is its finding, the others go on.

Codes of the findings made here:

    resource.bad_pattern, .bad_subjects, .no_match, .same_target, .no_level, .bad_option    what cannot be done
    resource.no_source, .nothing, .left_out, .unreadable    what lies here, as far as it cannot be sent
    resource.no_holder, .shared, .missing    what there is to be filled or read is not there, or belongs elsewhere
    resource.differs, .in_the_way, .kept    another file of that name, there or here
    resource.refused, .not_stored, .stopped    the site did not take it, or does not have it afterwards
    resource.by_size    equal as far as the size says: the site keeps no digest
    resource.not_saved    a file of the site was not saved
"""
