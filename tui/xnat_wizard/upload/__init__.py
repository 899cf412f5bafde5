"""Plan, journal, engine, receipt, and the worker process: from a survey to proof that everything is stored.

Codes of the findings made here:

    label.empty, .illegal, .taken       a label typed by a person
    label.bad_pattern, .bad_table, .template_exists            a rule for all labels that cannot be used
    label.no_value, .row_missing, .row_unknown, .row_twice, .ignored_column    what a rule says nothing of
    label.changed, .merged_folders, .split_folder              what becomes of the labels that a rule asks for
    plan.empty, .blocked, .label_clash  what forbids a plan as it stands
    plan.label_changed, .shared_subject, .same_study, .parrec_to_archive   what is worth knowing about it
    plan.gradual, .pairs_over_http      what the route of a plan costs
    plan.no_file, .no_session, .unreadable, .newer, .bad_edit  a plan that cannot be used
    forecast.no_right                   the account may not upload into the project
    forecast.merges, .in_prearchive     part of it is there already, and is completed
    forecast.other_subject, .other_study, .same_study, .same_label    what it would clash with
    forecast.unknown_study              what it would join, though it may be another visit
    forecast.project_alias, .project_title                     what was given is not the ID of the project
    forecast.archives_by_itself, .script_on, .filter_on, .quarantine    settings that change an upload
    forecast.filter_drops, .filter_drops_all, .filter_unsure, .script_rejects    what will not arrive
    forecast.subject_exists, .subject_spelling    whom the images join
    forecast.archive_conflict, .size_unknown      what else the site may do with it
    journal.unreadable, .newer          a journal that cannot be used
    journal.not_kept                    a full disk, or a folder that may not be written
    upload.none, .unknown               no upload of that name
    upload.bad_rate                     what was typed is no limit for an upload
    upload.busy, .not_only_ours         what is in the prearchive was not deleted
    upload.not_complete, .no_local_files    no local file is called safely stored
    upload.running, .no_worker, .ends_at_logout                about the worker process
    upload.server_gone, .no_source, .other_source, .stopped, .unexpected    the whole upload stopped, and can be resumed
    upload.rerouted, .split, .refused, .refused_alike, .rejected_all, .nothing_sent, .gone    one session failed
    upload.incomplete, .cancelled, .unfinished    what is missing, and what stays on the server
    prearchive.not_built, .stuck        the server does not finish a session
    prearchive.rewritten, .other_subject    it waits there with another UID, or for another subject than planned
    archive.other_subject, .other_project    it is in the archive for another subject, or shared from another project
    archive.clash, .failed              the session waits in the prearchive
"""
